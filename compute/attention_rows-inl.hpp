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

#include "compute/attention_pack-inl.hpp"
#include "compute/attention_scores-inl.hpp"
#include "compute/exp.hpp"
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
  float* scores;              ///< row i at i * stride, from the first panel on
  std::size_t stride;
  float* lanes;  ///< 16 of each row: a reduction under way
  std::size_t T;

  std::size_t key() const noexcept { return panel * virtual_lanes; }
  /// Keys of the last panel that row i sees.
  std::size_t seen(std::size_t i) const noexcept { return first % virtual_lanes + i + 1; }
};

struct KeepLarger {
  template <class V>
  HWY_INLINE V operator()(V kept, V other) const {
    return hn::IfThenElse(hn::Gt(other, kept), other, kept);
  }
};
struct AddUp {
  template <class V>
  HWY_INLINE V operator()(V kept, V other) const {
    return hn::Add(kept, other);
  }
};

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
    hn::StoreU(op(hn::BitCast(d, hn::InterleaveLower(pairs, z01, z23)),
                  hn::BitCast(d, hn::InterleaveUpper(pairs, z01, z23))),
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

/// What becomes of a tile of scores: scaled, those of keys not seen -infinity, the largest of each lane noted.
struct ScaleScores {
  float* scores;
  std::size_t stride;
  float* lanes;
  float scale;

  HWY_INLINE float* Place(std::size_t i, std::size_t p) const { return scores + i * stride + p * virtual_lanes; }
  template <class M, class V>
  HWY_INLINE V Keep(Lanes16Tag d, M mask, V v) const {
    return hn::IfThenElse(mask, v, hn::Set(d, -exp_constants::infinity));
  }
  template <std::size_t vectors, class V>
  HWY_INLINE void Row(Lanes16Tag d, std::size_t i, std::size_t p, const V (&sums)[vectors]) const {
    const V factor = hn::Set(d, scale);
    float* row = Place(i, p);
    float* lane = lanes + i * virtual_lanes;
    HWY_UNROLL(4)
    for (std::size_t slot = 0; slot < lane_slots; ++slot) {
      V largest = hn::LoadU(d, lane + slot * hn::Lanes(d));
      HWY_UNROLL(8)
      for (std::size_t v = slot; v < vectors; v += lane_slots) {
        const V score = hn::Mul(sums[v], factor);
        hn::StoreU(score, d, row + v * hn::Lanes(d));
        largest = KeepLarger()(largest, score);
      }
      hn::StoreU(largest, d, lane + slot * hn::Lanes(d));
    }
  }
};

/// What becomes of a tile of gradients of probabilities: +0 for keys not seen, the lanes of delta added to.
struct AddToDelta {
  float* gradients;
  std::size_t stride;
  float* lanes;
  const float* probabilities;  ///< of the same keys
  std::size_t probabilities_stride, columns;

  HWY_INLINE float* Place(std::size_t i, std::size_t p) const { return gradients + i * stride + p * virtual_lanes; }
  template <class M, class V>
  HWY_INLINE V Keep(Lanes16Tag, M mask, V v) const {
    return hn::IfThenElseZero(mask, v);
  }
  template <std::size_t vectors, class V>
  HWY_INLINE void Row(Lanes16Tag d, std::size_t i, std::size_t p, const V (&sums)[vectors]) const {
    float* row = Place(i, p);
    const float* weights = probabilities + i * probabilities_stride + p * virtual_lanes;
    const std::size_t left = columns - p * virtual_lanes;
    float* lane = lanes + i * virtual_lanes;
    HWY_UNROLL(4)
    for (std::size_t slot = 0; slot < lane_slots; ++slot) {
      V delta = hn::LoadU(d, lane + slot * hn::Lanes(d));
      HWY_UNROLL(8)
      for (std::size_t v = slot; v < vectors; v += lane_slots) {
        const std::size_t at = v * hn::Lanes(d);
        hn::StoreU(sums[v], d, row + at);
        const V weight = left <= at ? hn::Zero(d) : LoadPart(d, weights + at, std::min(left - at, hn::Lanes(d)));
        delta = Fma(d, weight, sums[v], delta);
      }
      hn::StoreU(delta, d, lane + slot * hn::Lanes(d));
    }
  }
};

/// to[0, count) = zero, a vector of zeros whose value the compiler does not know: it would call memset for the few
/// vectors of a row, a sixth of the forward pass at T = 128.
HWY_INLINE void FillZeros(float* to, std::size_t count, hn::Vec<Lanes16Tag> zero) {
  const Lanes16Tag d;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) hn::StoreU(zero, d, to + i);
  if (i < count) StorePart(zero, d, to + i, count - i);
}

/// Scores, and the largest of their lanes, become probabilities: the rows at `out`, T floats each, are written whole.
inline void Softmax(const RowGroup16& group, float* out) {
  const Lanes16Tag d;
  using V = hn::Vec<Lanes16Tag>;
  HWY_ALIGN float folded[virtual_lanes];
  const std::size_t vectors = group.panels * lane_slots, lanes = hn::Lanes(d);
  FoldRows(group.lanes, folded, KeepLarger());
  for (std::size_t i = 0; i < group.rows; ++i) {
    float* row = group.scores + i * group.stride;
    const V largest = hn::Set(d, folded[i]);
    V sums[lane_slots];
    HWY_UNROLL(4)
    for (V& sum : sums) sum = hn::Zero(d);
    for (std::size_t v = 0; v < vectors; v += lane_slots) {
      HWY_UNROLL(4)
      for (std::size_t slot = 0; slot < lane_slots; ++slot) {
        float* at = row + (v + slot) * lanes;
        const V e = ExpOfNonPositive(d, hn::Sub(hn::LoadU(d, at), largest));
        hn::StoreU(e, d, at);
        sums[slot] = hn::Add(sums[slot], e);
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
  const std::size_t whole = vectors - lane_slots;  // before the last panel
  const std::size_t behind = group.key() + group.panels * virtual_lanes;
  const volatile float nought = 0;
  const V zero = hn::Set(d, nought);
  for (std::size_t i = 0; i < group.rows; ++i) {
    const float* row = group.scores + i * group.stride;
    const V reciprocal = hn::Set(d, folded[i]);
    float* to = out + i * group.T + group.key();
    for (std::size_t v = 0; v < whole; ++v) {
      hn::StoreU(hn::Mul(hn::LoadU(d, row + v * lanes), reciprocal), d, to + v * lanes);
    }
    HWY_UNROLL(4)
    for (std::size_t slot = 0; slot < lane_slots; ++slot) {  // 0 * NaN is none: what is not seen is zero in any case
      const float* place = row + (whole + slot) * lanes;
      const V p = hn::IfThenElseZero(Seen(d, slot, 0, group.seen(i)), hn::Mul(hn::LoadU(d, place), reciprocal));
      const std::size_t at = (whole + slot) * lanes, end = group.T - group.key();
      if (at < end) StorePart(p, d, to + at, std::min(end - at, lanes));
    }
    FillZeros(out + i * group.T, group.key() + group.hidden, zero);
    if (behind < group.T) FillZeros(out + i * group.T + behind, group.T - behind, zero);
  }
}

/// Gradients of probabilities, and the lanes of their deltas, become gradients of the products q k.
inline void ScoreGradients(const RowGroup16& group, const float* probabilities, float scale) {
  const Lanes16Tag d;
  using V = hn::Vec<Lanes16Tag>;
  HWY_ALIGN float folded[virtual_lanes];
  const std::size_t lanes = hn::Lanes(d), whole = (group.panels - 1) * lane_slots, end = group.T - group.key();
  FoldRows(group.lanes, folded, AddUp());
  const V factor = hn::Set(d, scale);
  for (std::size_t i = 0; i < group.rows; ++i) {
    float* row = group.scores + i * group.stride;
    const float* p = probabilities + i * group.T + group.key();
    const V delta = hn::Set(d, folded[i]);
    const auto gradient = [&](V weight, const float* at) HWY_ATTR {
      return hn::Mul(hn::Mul(weight, hn::Sub(hn::LoadU(d, at), delta)), factor);
    };
    for (std::size_t v = 0; v < whole; ++v) {
      float* at = row + v * lanes;
      hn::StoreU(gradient(hn::LoadU(d, p + v * lanes), at), d, at);
    }
    HWY_UNROLL(4)
    for (std::size_t slot = 0; slot < lane_slots; ++slot) {
      const std::size_t at = (whole + slot) * lanes;
      const V weight = at < end ? LoadPart(d, p + at, std::min(end - at, lanes)) : hn::Zero(d);
      float* place = row + (whole + slot) * lanes;
      hn::StoreU(hn::IfThenElseZero(Seen(d, slot, 0, group.seen(i)), gradient(weight, place)), d, place);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
