// For the bodies of vector kernels only: the reductions of compute/lanes.hpp with vectors of 1, 2, 4, 8 or 16 lanes.
// Slot s holds virtual lanes s * Lanes(d) and up, so the bits are those of the plain forms at any width.

#if defined(ICOSA_COMPUTE_SIMD_LANES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_SIMD_LANES_INL
#undef ICOSA_COMPUTE_SIMD_LANES_INL
#else
#define ICOSA_COMPUTE_SIMD_LANES_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <limits>

#include "compute/lanes.hpp"
#include "compute/simd_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The tag of reductions and elementwise work: as wide as the machine, at most 16 lanes.
using Lanes16Tag = hn::CappedTag<float, virtual_lanes>;

/// Vectors that hold the 16 virtual lanes. Targets whose vectors have no size at compile time (SVE) are not built.
inline constexpr std::size_t lane_slots = virtual_lanes / HWY_MIN(HWY_LANES(float), virtual_lanes);

/// Visits elements [0, count) in order, a vector at a time: visit(offset, slot, lanes), where `lanes` is Lanes(d) but
/// for the last visit, which may have fewer. Inlined, with `slot` constant and the whole vectors' `lanes` too.
template <class Visit>
HWY_INLINE void ForEachVector(Lanes16Tag d, std::size_t count, const Visit& visit) {
  const std::size_t lanes = hn::Lanes(d);
  std::size_t offset = 0;
  for (; offset + virtual_lanes <= count; offset += virtual_lanes) {
    HWY_UNROLL(16)
    for (std::size_t slot = 0; slot < lane_slots; ++slot) visit(offset + slot * lanes, slot, lanes);
  }
  HWY_UNROLL(16)
  for (std::size_t slot = 0; slot < lane_slots; ++slot) {
    const std::size_t at = offset + slot * lanes;
    if (at + lanes <= count) {
      visit(at, slot, lanes);
    } else if (at < count) {
      visit(at, slot, count - at);
    }
  }
}

/// A sum under way, as plain::Sum16. Lanes beyond a short visit must be added as zeros, which change nothing: a lane
/// that started from +0 is never -0.
class Sum16 {
  using V = hn::Vec<Lanes16Tag>;

 public:
  HWY_INLINE explicit Sum16(Lanes16Tag d) {
    HWY_UNROLL(16)
    for (V& lane : lanes_) lane = hn::Zero(d);
  }
  HWY_INLINE void Add(std::size_t slot, V x) { lanes_[slot] = hn::Add(lanes_[slot], x); }
  HWY_INLINE void AddProduct(Lanes16Tag d, std::size_t slot, V a, V b) { lanes_[slot] = Fma(d, a, b, lanes_[slot]); }
  HWY_INLINE float Fold(Lanes16Tag d) const {
    HWY_ALIGN float lane[virtual_lanes];
    HWY_UNROLL(16)
    for (std::size_t slot = 0; slot < lane_slots; ++slot) hn::Store(lanes_[slot], d, lane + slot * hn::Lanes(d));
    for (std::size_t width = virtual_lanes / 2; width > 0; width /= 2) {
      for (std::size_t i = 0; i < width; ++i) lane[i] += lane[i + width];
    }
    return lane[0];
  }

 private:
  V lanes_[lane_slots];
};

/// plain::sum16.
HWY_INLINE float SumOf16(Lanes16Tag d, const float* x, std::size_t count) {
  Sum16 sum(d);
  ForEachVector(d, count, [&](std::size_t offset, std::size_t slot, std::size_t lanes) HWY_ATTR {
    sum.Add(slot, LoadPart(d, x + offset, lanes));
  });
  return sum.Fold(d);
}

/// plain::max16. The comparison is spelled out because the machines' own maxima differ on zeros and NaNs.
HWY_INLINE float MaxOf16(Lanes16Tag d, const float* x, std::size_t count) {
  using V = hn::Vec<Lanes16Tag>;
  const V lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  V largest[lane_slots];
  HWY_UNROLL(16)
  for (V& lane : largest) lane = lowest;
  ForEachVector(d, count, [&](std::size_t offset, std::size_t slot, std::size_t lanes) HWY_ATTR {
    V candidate = LoadPart(d, x + offset, lanes);
    if (lanes < hn::Lanes(d)) candidate = hn::IfThenElse(hn::FirstN(d, lanes), candidate, lowest);
    largest[slot] = hn::IfThenElse(hn::Gt(candidate, largest[slot]), candidate, largest[slot]);
  });
  HWY_ALIGN float lane[virtual_lanes];
  HWY_UNROLL(16)
  for (std::size_t slot = 0; slot < lane_slots; ++slot) hn::Store(largest[slot], d, lane + slot * hn::Lanes(d));
  for (std::size_t width = virtual_lanes / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) lane[i] = lane[i + width] > lane[i] ? lane[i + width] : lane[i];
  }
  return lane[0];
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
