// The work of attention on single rows of scores, between the products: softmax and its gradient. For
// compute/attention_simd.cpp only, once per target. Same bits as in compute/attention.cpp.
//
// T^2 / 2 elements a head, about 25 instructions a vector forward and 6 backward; bound by the exponential and, in
// short rows, by the latency of the folds.

#if defined(ICOSA_COMPUTE_ATTENTION_ROWS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_ATTENTION_ROWS_INL
#undef ICOSA_COMPUTE_ATTENTION_ROWS_INL
#else
#define ICOSA_COMPUTE_ATTENTION_ROWS_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "compute/exp.hpp"
#include "compute/simd_lanes-inl.hpp"
#include "compute/simd_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// The first `lanes` elements at `from`, else zeros. Where a row of `columns_left` elements goes on for a whole vector
/// it is read and written whole: a load after a masked store to the same place waits for it.
HWY_INLINE hn::Vec<Lanes16Tag> LoadRow(Lanes16Tag d, const float* from, std::size_t lanes, std::size_t columns_left) {
  if (lanes == hn::Lanes(d)) return hn::LoadU(d, from);
  if (columns_left < hn::Lanes(d)) return LoadPart(d, from, lanes);
  return hn::IfThenElseZero(hn::FirstN(d, lanes), hn::LoadU(d, from));
}

HWY_INLINE void StoreRow(hn::Vec<Lanes16Tag> v, Lanes16Tag d, float* to, std::size_t lanes, std::size_t columns_left) {
  StorePart(v, d, to, columns_left < hn::Lanes(d) ? lanes : hn::Lanes(d));
}

/// Scales the scores of `count` keys; returns the largest.
HWY_INLINE float ScaleRow(float* row, std::size_t count, std::size_t columns, float scale) {
  const Lanes16Tag d;
  using V = hn::Vec<Lanes16Tag>;
  const V factor = hn::Set(d, scale), lowest = hn::Set(d, -exp_constants::infinity);
  Max16 largest(d);
  ForEachVector(d, count, [&](std::size_t j, std::size_t slot, std::size_t lanes) HWY_ATTR {
    const V score = hn::Mul(LoadRow(d, row + j, lanes, columns - j), factor);
    StoreRow(score, d, row + j, lanes, columns - j);
    largest.Take(slot, lanes < hn::Lanes(d) ? hn::IfThenElse(hn::FirstN(d, lanes), score, lowest) : score);
  });
  return largest.Fold(d);
}

/// The exponentials of `count` scores less the largest; returns the reciprocal of their sum.
HWY_INLINE float ExponentiateRow(float* row, std::size_t count, std::size_t columns, float largest) {
  const Lanes16Tag d;
  const auto subtrahend = hn::Set(d, largest);
  Sum16 sum(d);
  ForEachVector(d, count, [&](std::size_t j, std::size_t slot, std::size_t lanes) HWY_ATTR {
    auto e = Exp(d, hn::Sub(LoadRow(d, row + j, lanes, columns - j), subtrahend));
    if (lanes < hn::Lanes(d)) e = hn::IfThenElseZero(hn::FirstN(d, lanes), e);
    sum.Add(slot, e);
    StoreRow(e, d, row + j, lanes, columns - j);
  });
  return 1 / sum.Fold(d);
}

HWY_INLINE void MultiplyRow(float* row, std::size_t count, std::size_t columns, float factor) {
  const Lanes16Tag d;
  const auto factors = hn::Set(d, factor);
  ForEachVector(d, count, [&](std::size_t j, std::size_t, std::size_t lanes) HWY_ATTR {
    StoreRow(hn::Mul(LoadRow(d, row + j, lanes, columns - j), factors), d, row + j, lanes, columns - j);
  });
}

/// Scores of positions [first, last) of the document that begins at `begin`, `columns` floats a row, become
/// probabilities; those of keys outside the document and of later ones become zero. Lanes are counted from key 0: a row
/// is worked on from the multiple of 16 below `begin`, and the up to 15 scores before the document are -infinity, which
/// no lane keeps and whose exponential is +0.
/// Eight rows go through each step together, as the folds of one row alone would be waited for.
inline void SoftmaxRows(float* rows, std::size_t columns, std::size_t begin, std::size_t first, std::size_t last,
                        float scale) {
  constexpr std::size_t group = 8;
  const std::size_t aligned = begin / virtual_lanes * virtual_lanes, left = columns - aligned;
  float largest[group], reciprocal[group];
  for (std::size_t t = first; t < last; t += group) {
    const std::size_t count = std::min(group, last - t);
    float* row = rows + (t - first) * columns;
    float* work = row + aligned;
    for (std::size_t i = 0; i < count; ++i) {
      std::fill(work + i * columns, row + i * columns + begin, -exp_constants::infinity);
    }
    for (std::size_t i = 0; i < count; ++i) {
      largest[i] = ScaleRow(work + i * columns, t + i + 1 - aligned, left, scale);
    }
    for (std::size_t i = 0; i < count; ++i) {
      reciprocal[i] = ExponentiateRow(work + i * columns, t + i + 1 - aligned, left, largest[i]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      MultiplyRow(work + i * columns, t + i + 1 - aligned, left, reciprocal[i]);
    }
    std::fill(row, row + begin, 0.0f);
    for (std::size_t i = 0; i < count; ++i) {  // behind a row and before the next one lie zeros without a gap
      std::fill(row + i * columns + t + i + 1, row + (i + 1) * columns + (i + 1 < count ? begin : 0), 0.0f);
    }
  }
}

/// Gradients of `count` probabilities become gradients of the products q k.
HWY_INLINE void ScoreGradientRow(float* row, const float* probabilities, std::size_t count, float scale) {
  const Lanes16Tag d;
  Sum16 sum(d);
  ForEachVector(d, count, [&](std::size_t j, std::size_t slot, std::size_t lanes) HWY_ATTR {
    sum.AddProduct(d, slot, LoadPart(d, probabilities + j, lanes), LoadPart(d, row + j, lanes));
  });
  const auto delta = hn::Set(d, sum.Fold(d));
  const auto factor = hn::Set(d, scale);
  ForEachVector(d, count, [&](std::size_t j, std::size_t, std::size_t lanes) HWY_ATTR {
    const auto centred = hn::Sub(LoadPart(d, row + j, lanes), delta);
    StorePart(hn::Mul(hn::Mul(LoadPart(d, probabilities + j, lanes), centred), factor), d, row + j, lanes);
  });
}

/// Rows of positions [first, last) of the document that begins at `begin`, `columns` floats each; those of keys
/// [t + 1, last) become zero, those of keys before the document are not to be used. As above, work begins at a multiple
/// of 16: the probabilities before the document are zero, and their gradients are made so, as 0 * NaN is not.
inline void ScoreGradientRows(float* rows, const float* probabilities, std::size_t columns, std::size_t begin,
                              std::size_t first, std::size_t last, float scale) {
  const std::size_t aligned = begin / virtual_lanes * virtual_lanes;
  for (std::size_t t = first; t < last; ++t) {
    float* row = rows + (t - first) * columns;
    std::fill(row + aligned, row + begin, 0.0f);
  }
  for (std::size_t t = first; t < last; ++t) {
    float* row = rows + (t - first) * columns;
    ScoreGradientRow(row + aligned, probabilities + t * columns + aligned, t + 1 - aligned, scale);
    std::fill(row + t + 1, row + last, 0.0f);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
