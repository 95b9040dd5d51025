// What becomes of attention's tiles of scores (compute/attention_scores-inl.hpp) while they are in registers. For
// compute/attention_simd.cpp only, once per target. Same bits as in compute/attention.cpp.
//
// The probabilities of the backward pass come into being here, at 15 instructions a vector on top of the product: one
// pass over memory where the forward pass, which must know the row's maximum and sum first, takes three.

#if defined(ICOSA_COMPUTE_ATTENTION_FINISH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_ATTENTION_FINISH_INL
#undef ICOSA_COMPUTE_ATTENTION_FINISH_INL
#else
#define ICOSA_COMPUTE_ATTENTION_FINISH_INL
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "compute/exp.hpp"
#include "compute/simd_lanes-inl.hpp"
#include "compute/simd_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// What becomes of a tile of scores: scaled, those of keys not seen -infinity, the largest of each lane noted.
struct ScaleScores {
  float* scores;
  std::size_t stride;
  float* lanes;
  float scale;

  HWY_INLINE float* Place(std::size_t i, std::size_t p) const { return scores + i * stride + p * virtual_lanes; }
  template <std::size_t vectors, class V>
  HWY_INLINE void Of(Lanes16Tag d, std::size_t, V (&sums)[vectors]) const {
    const V factor = hn::Set(d, scale);
    HWY_UNROLL(8)
    for (V& sum : sums) sum = hn::Mul(sum, factor);
  }
  template <class M, class V>
  HWY_INLINE V Keep(Lanes16Tag d, M mask, V v) const {
    return hn::IfThenElse(mask, v, hn::Set(d, -exp_constants::infinity));
  }
  template <std::size_t vectors, class V>
  HWY_INLINE void Row(Lanes16Tag d, std::size_t i, std::size_t p, const V (&sums)[vectors]) const {
    float* row = Place(i, p);
    float* lane = lanes + i * virtual_lanes;
    HWY_UNROLL(4)
    for (std::size_t slot = 0; slot < lane_slots; ++slot) {
      V largest = hn::LoadU(d, lane + slot * hn::Lanes(d));
      HWY_UNROLL(8)
      for (std::size_t v = slot; v < vectors; v += lane_slots) {
        hn::StoreU(sums[v], d, row + v * hn::Lanes(d));
        largest = KeepLarger()(largest, sums[v]);
      }
      hn::StoreU(largest, d, lane + slot * hn::Lanes(d));
    }
  }
};

/// What becomes of a tile of scores whose rows' maxima and factors are known: probabilities, the same bits as Softmax
/// gives, +0 for keys not seen.
struct ProbabilitiesAgain {
  float* probabilities;
  std::size_t stride;
  const float* maxima;
  const float* factors;
  float scale;

  HWY_INLINE float* Place(std::size_t i, std::size_t p) const { return probabilities + i * stride + p * virtual_lanes; }
  template <std::size_t vectors, class V>
  HWY_INLINE void Of(Lanes16Tag d, std::size_t i, V (&sums)[vectors]) const {
    const V by = hn::Set(d, scale), largest = hn::Set(d, maxima[i]), factor = hn::Set(d, factors[i]);
    HWY_UNROLL(8)
    for (V& sum : sums) sum = hn::Sub(hn::Mul(sum, by), largest);
    ExpsOfNonPositive(d, sums);
    HWY_UNROLL(8)
    for (V& sum : sums) sum = hn::Mul(sum, factor);
  }
  template <class M, class V>
  HWY_INLINE V Keep(Lanes16Tag, M mask, V v) const {
    return hn::IfThenElseZero(mask, v);
  }
  template <std::size_t vectors, class V>
  HWY_INLINE void Row(Lanes16Tag d, std::size_t i, std::size_t p, const V (&sums)[vectors]) const {
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < vectors; ++v) hn::StoreU(sums[v], d, Place(i, p) + v * hn::Lanes(d));
  }
};

/// What becomes of a tile of gradients of probabilities: +0 for keys not seen, the lanes of delta added to.
struct AddToDelta {
  float* gradients;
  const float* probabilities;
  std::size_t stride;  ///< of both
  float* lanes;

  HWY_INLINE float* Place(std::size_t i, std::size_t p) const { return gradients + i * stride + p * virtual_lanes; }
  template <std::size_t vectors, class V>
  HWY_INLINE void Of(Lanes16Tag, std::size_t, V (&)[vectors]) const {}
  template <class M, class V>
  HWY_INLINE V Keep(Lanes16Tag, M mask, V v) const {
    return hn::IfThenElseZero(mask, v);
  }
  template <std::size_t vectors, class V>
  HWY_INLINE void Row(Lanes16Tag d, std::size_t i, std::size_t p, const V (&sums)[vectors]) const {
    float* row = Place(i, p);
    const float* weights = probabilities + i * stride + p * virtual_lanes;
    float* lane = lanes + i * virtual_lanes;
    HWY_UNROLL(4)
    for (std::size_t slot = 0; slot < lane_slots; ++slot) {
      V delta = hn::LoadU(d, lane + slot * hn::Lanes(d));
      HWY_UNROLL(8)
      for (std::size_t v = slot; v < vectors; v += lane_slots) {
        const std::size_t at = v * hn::Lanes(d);
        hn::StoreU(sums[v], d, row + at);
        delta = Fma(d, hn::LoadU(d, weights + at), sums[v], delta);
      }
      hn::StoreU(delta, d, lane + slot * hn::Lanes(d));
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
