// Reductions of several rows, folded together. For the bodies of vector kernels only, once per target.
//
// A fold of 16 lanes is 8 instructions of which each waits for the one before; 16 folds at a time are 90 instructions
// on vectors that hold a lane of many rows. The forward pass of a norm of 64 columns takes a third less time by it; the
// backward pass, whose two sums are folded side by side, does not.

#if defined(ICOSA_COMPUTE_ROW_FOLDS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_ROW_FOLDS_INL
#undef ICOSA_COMPUTE_ROW_FOLDS_INL
#else
#define ICOSA_COMPUTE_ROW_FOLDS_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "compute/simd_lanes-inl.hpp"
#include "compute/simd_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// folded[i] = the fold of the 16 lanes of row i, for 16 rows.
template <class Op>
HWY_INLINE void FoldRows(const float* HWY_RESTRICT lanes, float* HWY_RESTRICT folded, const Op& op) {
  const Lanes16Tag d;
#if HWY_NATIVE_FMA
  using V = hn::Vec<Lanes16Tag>;
  const hn::RepartitionToWide<Lanes16Tag> pairs;
  HWY_UNROLL(4)
  for (std::size_t first = 0; first < virtual_lanes; first += hn::Lanes(d)) {
    // Lanes 4 b to 4 b + 3 of rows r, r + 4, ...: a block of 128 bits each.
    const auto four = [&](std::size_t r) HWY_ATTR {
      const float* row = lanes + (first + r) * virtual_lanes;
      const V b0 = LoadEveryFourthRow(d, row, virtual_lanes), b1 = LoadEveryFourthRow(d, row + 4, virtual_lanes);
      const V b2 = LoadEveryFourthRow(d, row + 8, virtual_lanes), b3 = LoadEveryFourthRow(d, row + 12, virtual_lanes);
      return op(op(b0, b2), op(b1, b3));
    };
    const V z0 = four(0), z1 = four(1), z2 = four(2), z3 = four(3);
    const auto z01 = hn::BitCast(pairs, op(hn::InterleaveLower(d, z0, z1), hn::InterleaveUpper(d, z0, z1)));
    const auto z23 = hn::BitCast(pairs, op(hn::InterleaveLower(d, z2, z3), hn::InterleaveUpper(d, z2, z3)));
    hn::StoreU(
        op(hn::BitCast(d, hn::InterleaveLower(pairs, z01, z23)), hn::BitCast(d, hn::InterleaveUpper(pairs, z01, z23))),
        d, folded + first);
  }
#else
  for (std::size_t i = 0; i < virtual_lanes; ++i) {
    hn::Vec<Lanes16Tag> row[lane_slots];
    for (std::size_t s = 0; s < lane_slots; ++s) row[s] = hn::LoadU(d, lanes + i * virtual_lanes + s * hn::Lanes(d));
    folded[i] = FoldLanes(d, row, [&op](auto kept, auto other) HWY_ATTR { return op(kept, other); });
  }
#endif
}

/// Rows of so many columns that are folded together: 16, or as many as stay in the first cache until they are read
/// again.
inline std::size_t RowsTogether(std::size_t columns) {
  constexpr std::size_t floats_max = 4096;
  return std::clamp<std::size_t>(floats_max / columns, 1, virtual_lanes);
}

/// A sum for each of up to 16 rows.
class RowSums {
 public:
  HWY_INLINE void Put(Lanes16Tag d, std::size_t row, const Sum16& sum) { sum.Store(d, lanes_ + row * virtual_lanes); }
  /// results[i] = finish(the sum of row i), in vectors of rows; rows without a sum give something.
  template <class Finish>
  HWY_INLINE void Fold(Lanes16Tag d, float* results, const Finish& finish) const {
    HWY_ALIGN float folded[virtual_lanes];
    FoldRows(lanes_, folded, AddUp());
    for (std::size_t i = 0; i < virtual_lanes; i += hn::Lanes(d)) {
      hn::StoreU(finish(hn::LoadU(d, folded + i)), d, results + i);
    }
  }

 private:
  float lanes_[virtual_lanes * virtual_lanes] = {};
};

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
