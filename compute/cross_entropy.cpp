#include "compute/cross_entropy.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

#include "compute/exp.hpp"
#include "compute/lanes.hpp"
#include "compute/scalar_math.hpp"

namespace compute {

LossFactors::LossFactors(const LossTerms& terms, float maximum, float sum, std::size_t V) noexcept
    : probability(1.0f / sum), share(0), target(1) {
  if (terms.plain()) return;
  const auto log_z = static_cast<float>(static_cast<double>(maximum) + log(static_cast<double>(sum)));
  probability *= 1.0f + (2.0f * terms.z_loss) * log_z;
  share = static_cast<float>(static_cast<double>(terms.label_smoothing) / static_cast<double>(V));
  target = 1.0f - terms.label_smoothing;
}

}  // namespace compute

namespace compute::plain {

namespace {

/// The exponentials of a row, in place, and what they are worth.
struct RowSum {
  std::vector<float> maxima, weights;  ///< of the tiles
  float maximum, sum;

  explicit RowSum(std::span<float> x) {
    std::vector<float> tile_sums;
    for (std::size_t first = 0; first < x.size(); first += loss_tile) {
      const std::span<float> tile = x.subspan(first, std::min(loss_tile, x.size() - first));
      maxima.push_back(max16(tile));
      for (float& value : tile) value = plain::exp(value - maxima.back());
      tile_sums.push_back(sum16(tile));
    }
    maximum = max16(maxima);
    Sum16 sums;
    for (std::size_t t = 0; t < maxima.size(); ++t) {
      weights.push_back(plain::exp(maxima[t] - maximum));
      sums.add_product(t, tile_sums[t], weights[t]);
    }
    sum = sums.fold();
  }
  double loss(float target_logit) const {
    return (static_cast<double>(maximum) - static_cast<double>(target_logit)) + log(static_cast<double>(sum));
  }
};

}  // namespace

double cross_entropy_loss(double nats, ConstMatrix logits, const LossRows& rows) noexcept {
  assert(rows.first + logits.rows <= rows.targets.count());
  const std::size_t counting = rows.counting(logits.rows);
  for (std::size_t row = 0; row < counting; ++row) {
    const float* x = logits.data + row * logits.stride;
    std::vector<float> exponentials(x, x + logits.columns);
    nats += RowSum(exponentials).loss(x[rows.targets.token(rows.first + row)]);
  }
  return nats;
}

double cross_entropy_gradient(double nats, Matrix logits, const LossRows& rows) noexcept {
  assert(rows.first + logits.rows <= rows.targets.count());
  const std::size_t counting = rows.counting(logits.rows);
  for (std::size_t row = 0; row < counting; ++row) {
    float* x = logits.data + row * logits.stride;
    const std::size_t target = rows.targets.token(rows.first + row);
    const float target_logit = x[target];
    const RowSum sum({x, logits.columns});
    nats += sum.loss(target_logit);
    const LossFactors f(rows.terms, sum.maximum, sum.sum, logits.columns);
    for (std::size_t i = 0; i < logits.columns; ++i) {
      x[i] *= sum.weights[i / loss_tile] * f.probability;
      if (f.share != 0) x[i] -= f.share;
    }
    x[target] -= f.target;
  }
  for (std::size_t row = counting; row < logits.rows; ++row)
    std::fill_n(logits.data + row * logits.stride, logits.columns, 0.0f);
  return nats;
}

}  // namespace compute::plain
