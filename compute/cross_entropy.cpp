#include "compute/cross_entropy.hpp"

#include <algorithm>
#include <cassert>

#include "compute/exp.hpp"
#include "compute/lanes.hpp"
#include "compute/scalar_math.hpp"

namespace compute {

LossTermFactors::LossTermFactors(const LossTerms& terms, float maximum, float sum, std::size_t V) noexcept
    : share(static_cast<float>(static_cast<double>(terms.label_smoothing) / static_cast<double>(V))),
      target(1.0f - terms.label_smoothing) {
  const auto log_z = static_cast<float>(static_cast<double>(maximum) + log(static_cast<double>(sum)));
  const float growth = 1.0f + (2.0f * terms.z_loss) * log_z;
  probability = (1.0f / sum) * growth;
}

}  // namespace compute

namespace compute::plain {

namespace {

/// What a row's exponentials are taken against, and their sum.
struct RowSum {
  float maximum, sum;
};

RowSum row_sum(std::span<const float> logits) noexcept {
  const float maximum = max16(logits);
  Sum16 sum;
  for (std::size_t i = 0; i < logits.size(); ++i) sum.add(i, plain::exp(logits[i] - maximum));
  return {maximum, sum.fold()};
}

double row_loss(RowSum row, float target_logit) noexcept {
  return (static_cast<double>(row.maximum) - static_cast<double>(target_logit)) + log(static_cast<double>(row.sum));
}

}  // namespace

double cross_entropy_loss(double nats, ConstMatrix logits, const LossRows& rows) noexcept {
  assert(rows.first + logits.rows <= rows.targets.count());
  const std::size_t counting = rows.counting(logits.rows);
  for (std::size_t row = 0; row < counting; ++row) {
    const float* x = logits.data + row * logits.stride;
    nats += row_loss(row_sum({x, logits.columns}), x[rows.targets.token(rows.first + row)]);
  }
  return nats;
}

double cross_entropy_gradient(double nats, Matrix logits, const LossRows& rows) noexcept {
  assert(rows.first + logits.rows <= rows.targets.count());
  const std::size_t counting = rows.counting(logits.rows);
  for (std::size_t row = 0; row < counting; ++row) {
    float* x = logits.data + row * logits.stride;
    const std::size_t target = rows.targets.token(rows.first + row);
    const RowSum sum = row_sum({x, logits.columns});
    nats += row_loss(sum, x[target]);
    if (!rows.terms.plain()) {
      const LossTermFactors f(rows.terms, sum.maximum, sum.sum, logits.columns);
      for (std::size_t i = 0; i < logits.columns; ++i) x[i] = plain::exp(x[i] - sum.maximum) * f.probability - f.share;
      x[target] -= f.target;
      continue;
    }
    const float reciprocal = 1.0f / sum.sum;
    for (std::size_t i = 0; i < logits.columns; ++i) x[i] = plain::exp(x[i] - sum.maximum) * reciprocal;
    x[target] -= 1.0f;
  }
  for (std::size_t row = counting; row < logits.rows; ++row)
    std::fill_n(logits.data + row * logits.stride, logits.columns, 0.0f);
  return nats;
}

}  // namespace compute::plain
