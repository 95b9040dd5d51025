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
#include <type_traits>

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

/// Vectors that are worked on side by side where each is a long chain of instructions that wait for each other:
/// machines with short schedulers do not look as far ahead as the next one. On Zen 1 with AVX2 the GELU and its
/// gradient take a fifth less time with 4 than with 2, exponentials a fifteenth; with 6 these take more again, for want
/// of registers.
inline constexpr std::size_t vectors_together = lane_slots > 4 ? lane_slots : 4;

/// Visits elements [0, count) in order, some vectors at a time: visit(offset, vectors, slot, lanes). `vectors`, an
/// integral constant, says how many, `slot` that of the first of them, `lanes` what each of them has: Lanes(d) but for
/// the last visit, which may have fewer in its one vector. Inlined, with `slot` constant.
template <class Visit>
HWY_INLINE void ForEachVectors(Lanes16Tag d, std::size_t count, const Visit& visit) {
  const std::size_t lanes = hn::Lanes(d), together = vectors_together * lanes;
  std::size_t offset = 0;
  for (; offset + together <= count; offset += together) {
    visit(offset, std::integral_constant<std::size_t, vectors_together>(), 0, lanes);
  }
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < vectors_together; ++i) {
    const std::size_t at = offset + i * lanes;
    if (at < count) {
      visit(at, std::integral_constant<std::size_t, 1>(), i % lane_slots, HWY_MIN(lanes, count - at));
    }
  }
}

template <std::size_t N>
HWY_INLINE void LoadVectors(Lanes16Tag d, const float* from, std::size_t lanes, hn::Vec<Lanes16Tag> (&to)[N]) {
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < N; ++i) to[i] = N == 1 ? LoadPart(d, from, lanes) : hn::LoadU(d, from + i * lanes);
}

template <std::size_t N>
HWY_INLINE void StoreVectors(const hn::Vec<Lanes16Tag> (&from)[N], Lanes16Tag d, float* to, std::size_t lanes) {
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < N; ++i) {
    if constexpr (N == 1) {
      StorePart(from[i], d, to, lanes);
    } else {
      hn::StoreU(from[i], d, to + i * lanes);
    }
  }
}

#if HWY_NATIVE_FMA
/// Four floats from here, four rows further, eight, ...: a block of 128 bits each.
template <class D>
HWY_INLINE hn::Vec<D> LoadEveryFourthRow(D d, const float* from, std::size_t stride) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, LoadEveryFourthRow(half, from + hn::MaxLanes(half) * stride, stride),
                       LoadEveryFourthRow(half, from, stride));
  }
}
#endif

/// The fold of one vector: lane i with lane i + half, down to one lane. In registers; through memory it took as long as
/// the row of a softmax.
template <class D, class Op>
HWY_INLINE float FoldVector(D, hn::Vec<D> v, const Op& op) {
#if HWY_TARGET == HWY_SCALAR  // has no halves
  (void)op;
  return hn::GetLane(v);
#else
  if constexpr (hn::MaxLanes(D()) == 1) {
    return hn::GetLane(v);
  } else {
    const hn::Half<D> half;
    return FoldVector(half, op(hn::LowerHalf(half, v), hn::UpperHalf(half, v)), op);
  }
#endif
}

/// The fold of the 16 virtual lanes: lane i with lane i + 8, then i + 4, i + 2, i + 1. op(kept, other) of any width.
template <class Op>
HWY_INLINE float FoldLanes(Lanes16Tag d, hn::Vec<Lanes16Tag> (&lanes)[lane_slots], const Op& op) {
  HWY_UNROLL(4)
  for (std::size_t width = lane_slots / 2; width > 0; width /= 2) {
    HWY_UNROLL(8)
    for (std::size_t i = 0; i < width; ++i) lanes[i] = op(lanes[i], lanes[i + width]);
  }
  return FoldVector(d, lanes[0], op);
}

/// What sums are folded by.
struct AddUp {
  template <class V>
  HWY_INLINE V operator()(V kept, V other) const {
    return hn::Add(kept, other);
  }
};

/// What maxima are folded by.
struct KeepLarger {
  template <class V>
  HWY_INLINE V operator()(V kept, V other) const {
    return Larger(other, kept);
  }
};

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
  HWY_INLINE float Fold(Lanes16Tag d) { return FoldLanes(d, lanes_, AddUp()); }
  /// The 16 lanes, to be folded later.
  HWY_INLINE void Store(Lanes16Tag d, float* lanes) const {
    HWY_UNROLL(16)
    for (std::size_t slot = 0; slot < lane_slots; ++slot) hn::StoreU(lanes_[slot], d, lanes + slot * hn::Lanes(d));
  }

 private:
  V lanes_[lane_slots];
};

/// A maximum under way, as plain::max16. Lanes beyond a short visit must be taken as -infinity.
class Max16 {
  using V = hn::Vec<Lanes16Tag>;

 public:
  HWY_INLINE explicit Max16(Lanes16Tag d) {
    HWY_UNROLL(16)
    for (V& lane : lanes_) lane = hn::Set(d, -std::numeric_limits<float>::infinity());
  }
  HWY_INLINE void Take(std::size_t slot, V x) { lanes_[slot] = Larger(x, lanes_[slot]); }
  HWY_INLINE float Fold(Lanes16Tag d) { return FoldLanes(d, lanes_, KeepLarger()); }

 private:
  V lanes_[lane_slots];
};

/// plain::sum16, yet to be folded.
HWY_INLINE Sum16 LanesOfSum16(Lanes16Tag d, const float* x, std::size_t count) {
  Sum16 sum(d);
  ForEachVector(d, count, [&](std::size_t offset, std::size_t slot, std::size_t lanes) HWY_ATTR {
    sum.Add(slot, LoadPart(d, x + offset, lanes));
  });
  return sum;
}

/// plain::sum16.
HWY_INLINE float SumOf16(Lanes16Tag d, const float* x, std::size_t count) {
  return LanesOfSum16(d, x, count).Fold(d);
}

/// plain::max16.
HWY_INLINE float MaxOf16(Lanes16Tag d, const float* x, std::size_t count) {
  const auto lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  Max16 largest(d);
  ForEachVector(d, count, [&](std::size_t offset, std::size_t slot, std::size_t lanes) HWY_ATTR {
    const auto candidate = LoadPart(d, x + offset, lanes);
    largest.Take(slot, lanes < hn::Lanes(d) ? hn::IfThenElse(hn::FirstN(d, lanes), candidate, lowest) : candidate);
  });
  return largest.Fold(d);
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
