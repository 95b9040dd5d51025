// The work of attention on rows of scores, between the products: softmax and its gradient, for up to 16 positions at a
// time. For compute/attention_simd.cpp only, once per target. Same bits as in compute/attention.cpp.
//
// Scores live in scratch, in whole panels of 16 keys: no row has a rest, and what a position does not see is -infinity,
// whose exponential is +0. Maxima and sums are begun where the scores are made, in registers; the 16 folds of a group
// are one, on vectors that hold a lane of many rows: 90 instructions where 16 folds are 130 that wait for each other.
// T^2 / 2 elements a head, about 20 instructions a vector forward and 9 backward; bound by the exponential.

#if defined(ICOSA_COMPUTE_ATTENTION_ROWS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_ATTENTION_ROWS_INL
#undef ICOSA_COMPUTE_ATTENTION_ROWS_INL
#else
#define ICOSA_COMPUTE_ATTENTION_ROWS_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "compute/attention_finish-inl.hpp"
#include "compute/attention_pack-inl.hpp"
#include "compute/attention_scores-inl.hpp"
#include "compute/row_folds-inl.hpp"
#include "compute/simd_lanes-inl.hpp"
#include "compute/simd_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// Up to 16 positions of one document and the panels of keys that they see.
struct RowGroup16 {
  std::size_t first, rows;    ///< positions [first, first + rows) of [16 g, 16 g + 16)
  std::size_t panel, panels;  ///< from the one that the document begins in to g
  std::size_t hidden;         ///< keys of the first panel before the document
  float* probabilities;       ///< row i at i * stride, from the first panel on; their scores first
  float* gradients;           ///< likewise, backward: of the probabilities, then of the scores
  std::size_t stride;
  float* lanes;  ///< 16 of each row: a reduction under way

  std::size_t key() const noexcept { return panel * virtual_lanes; }
  /// Keys of the last panel that row i sees.
  std::size_t seen(std::size_t i) const noexcept { return first % virtual_lanes + i + 1; }
};

/// Scores, and the largest of their lanes, become probabilities; each row's maximum and factor are written.
inline void Softmax(const RowGroup16& group, float* maxima, float* factors) {
  const Lanes16Tag d;
  using V = hn::Vec<Lanes16Tag>;
  HWY_ALIGN float folded[virtual_lanes];
  const std::size_t vectors = group.panels * lane_slots, lanes = hn::Lanes(d);
  FoldRows(group.lanes, folded, KeepLarger());
  std::copy_n(folded, group.rows, maxima);
  for (std::size_t i = 0; i < group.rows; ++i) {
    float* row = group.probabilities + i * group.stride;
    const V largest = hn::Set(d, folded[i]);
    V sums[lane_slots];
    HWY_UNROLL(4)
    for (V& sum : sums) sum = hn::Zero(d);
    for (std::size_t v = 0; v < vectors; v += lane_slots) {
      V e[lane_slots];
      HWY_UNROLL(4)
      for (std::size_t slot = 0; slot < lane_slots; ++slot) {
        e[slot] = hn::Sub(hn::LoadU(d, row + (v + slot) * lanes), largest);
      }
      ExpsOfNonPositive(d, e);
      HWY_UNROLL(4)
      for (std::size_t slot = 0; slot < lane_slots; ++slot) {
        hn::StoreU(e[slot], d, row + (v + slot) * lanes);
        sums[slot] = hn::Add(sums[slot], e[slot]);
      }
    }
    HWY_UNROLL(4)
    for (std::size_t slot = 0; slot < lane_slots; ++slot) {
      hn::StoreU(sums[slot], d, group.lanes + i * virtual_lanes + slot * lanes);
    }
  }
  FoldRows(group.lanes, folded, AddUp());
  for (std::size_t i = 0; i < virtual_lanes; i += lanes) {
    hn::StoreU(hn::Div(hn::Set(d, 1.0f), hn::LoadU(d, folded + i)), d, folded + i);
  }
  std::copy_n(folded, group.rows, factors);
  const std::size_t whole = vectors - lane_slots;  // before the last panel
  for (std::size_t i = 0; i < group.rows; ++i) {
    float* row = group.probabilities + i * group.stride;
    const V factor = hn::Set(d, folded[i]);
    for (std::size_t v = 0; v < whole; ++v) {
      hn::StoreU(hn::Mul(hn::LoadU(d, row + v * lanes), factor), d, row + v * lanes);
    }
    HWY_UNROLL(4)
    for (std::size_t slot = 0; slot < lane_slots; ++slot) {  // 0 * NaN is none: what is not seen is zero in any case
      float* at = row + (whole + slot) * lanes;
      hn::StoreU(hn::IfThenElseZero(Seen(d, slot, 0, group.seen(i)), hn::Mul(hn::LoadU(d, at), factor)), d, at);
    }
  }
}

/// Gradients of probabilities, and the lanes of their deltas, become gradients of the products q k.
inline void ScoreGradients(const RowGroup16& group, float scale) {
  const Lanes16Tag d;
  using V = hn::Vec<Lanes16Tag>;
  HWY_ALIGN float folded[virtual_lanes];
  const std::size_t lanes = hn::Lanes(d), whole = (group.panels - 1) * lane_slots;
  FoldRows(group.lanes, folded, AddUp());
  const V factor = hn::Set(d, scale);
  for (std::size_t i = 0; i < group.rows; ++i) {
    float* row = group.gradients + i * group.stride;
    const float* p = group.probabilities + i * group.stride;
    const V delta = hn::Set(d, folded[i]);
    const auto gradient = [&](std::size_t v) HWY_ATTR {
      const V above = hn::Sub(hn::LoadU(d, row + v * lanes), delta);
      return hn::Mul(hn::Mul(hn::LoadU(d, p + v * lanes), above), factor);
    };
    for (std::size_t v = 0; v < whole; ++v) hn::StoreU(gradient(v), d, row + v * lanes);
    HWY_UNROLL(4)
    for (std::size_t slot = 0; slot < lane_slots; ++slot) {
      const std::size_t v = whole + slot;
      hn::StoreU(hn::IfThenElseZero(Seen(d, slot, 0, group.seen(i)), gradient(v)), d, row + v * lanes);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
