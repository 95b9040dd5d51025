// The cross-entropy on vectors: three passes over a row, which fits the second-level cache (V = 50,257: 196 KiB), the
// first and the last of them bound by its bandwidth, the second by the exponential.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/cross_entropy_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>

#include "compute/cross_entropy.hpp"
#include "compute/profile.hpp"
#include "compute/scalar_math.hpp"
#include "compute/simd_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// The sum of exp(x - maximum); the exponentials are kept at `kept` unless it is nullptr.
template <bool keep>
HWY_INLINE float SumOfExponentials(Lanes16Tag d, float* kept, const float* x, std::size_t count, float maximum) {
  const auto maxima = hn::Set(d, maximum);
  Sum16 sum(d);
  ForEachVector(d, count, [&](std::size_t i, std::size_t slot, std::size_t lanes) HWY_ATTR {
    auto exponential = ExpOfNonPositive(d, hn::Sub(LoadPart(d, x + i, lanes), maxima));
    if (lanes < hn::Lanes(d)) exponential = hn::IfThenElseZero(hn::FirstN(d, lanes), exponential);
    if constexpr (keep) StorePart(exponential, d, kept + i, lanes);
    sum.Add(slot, exponential);
  });
  return sum.Fold(d);
}

double RowLoss(float maximum, float target_logit, float sum) {
  return (static_cast<double>(maximum) - static_cast<double>(target_logit)) + log(static_cast<double>(sum));
}

double CrossEntropyLoss(double nats, ConstMatrix logits, const LossRows& rows) {
  const Lanes16Tag d;
  const std::size_t counting = rows.counting(logits.rows);
  for (std::size_t row = 0; row < counting; ++row) {
    const float* x = logits.data + row * logits.stride;
    const float maximum = MaxOf16(d, x, logits.columns);
    const float sum = SumOfExponentials<false>(d, nullptr, x, logits.columns, maximum);
    nats += RowLoss(maximum, x[rows.targets.token(rows.first + row)], sum);
  }
  return nats;
}

double CrossEntropyGradient(double nats, Matrix logits, const LossRows& rows) {
  const Lanes16Tag d;
  const std::size_t V = logits.columns;
  const std::size_t counting = rows.counting(logits.rows);
  for (std::size_t row = 0; row < counting; ++row) {
    float* x = logits.data + row * logits.stride;
    const std::size_t target = rows.targets.token(rows.first + row);
    const float target_logit = x[target];
    const float maximum = MaxOf16(d, x, V);
    const float sum = SumOfExponentials<true>(d, x, x, V, maximum);
    nats += RowLoss(maximum, target_logit, sum);
    if (!rows.terms.plain()) {
      const LossTermFactors f(rows.terms, maximum, sum, V);
      ForEachVector(d, V, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
        const auto grown = hn::Mul(LoadPart(d, x + i, lanes), hn::Set(d, f.probability));
        StorePart(hn::Sub(grown, hn::Set(d, f.share)), d, x + i, lanes);
      });
      x[target] -= f.target;
      continue;
    }
    const auto reciprocals = hn::Set(d, 1.0f / sum);
    ForEachVector(d, V, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
      StorePart(hn::Mul(LoadPart(d, x + i, lanes), reciprocals), d, x + i, lanes);
    });
    x[target] -= 1.0f;
  }
  for (std::size_t row = counting; row < logits.rows; ++row) std::fill_n(logits.data + row * logits.stride, V, 0.0f);
  return nats;
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(CrossEntropyLoss);
HWY_EXPORT(CrossEntropyGradient);

double cross_entropy_loss(double nats, ConstMatrix logits, const LossRows& rows) noexcept {
  assert(rows.first + logits.rows <= rows.targets.count());
  const TimedOperation timed = timed_pass("cross-entropy loss", logits.rows * logits.columns, 1);
  return HWY_DYNAMIC_DISPATCH(CrossEntropyLoss)(nats, logits, rows);
}

double cross_entropy_gradient(double nats, Matrix logits, const LossRows& rows) noexcept {
  assert(rows.first + logits.rows <= rows.targets.count());
  const TimedOperation timed = timed_pass("cross-entropy gradient", logits.rows * logits.columns, 2);
  return HWY_DYNAMIC_DISPATCH(CrossEntropyGradient)(nats, logits, rows);
}

}  // namespace compute
#endif
