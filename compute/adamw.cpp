#include "compute/adamw.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "compute/lanes.hpp"
#include "compute/scalar_math.hpp"

namespace compute {

AdamWFactors adamw_factors(const AdamWStep& step, bool decayed) noexcept {
  assert(step.step >= 1);
  const double correction1 = 1 - power(step.beta1, step.step);
  const double correction2 = 1 - power(step.beta2, step.step);
  return {
      .gradient_scale = step.gradient_scale,
      .clip = step.clip,
      .beta1 = static_cast<float>(step.beta1),
      .one_minus_beta1 = static_cast<float>(1 - step.beta1),
      .beta2 = static_cast<float>(step.beta2),
      .one_minus_beta2 = static_cast<float>(1 - step.beta2),
      .rate = static_cast<float>(step.learning_rate / correction1),
      .correction2 = static_cast<float>(1 / correction2),
      .epsilon = static_cast<float>(step.epsilon),
      .decay = decayed ? static_cast<float>(step.learning_rate * step.weight_decay) : 0.0f,
  };
}

namespace plain {

namespace {

double square_sum(std::span<const float> block, float scale) noexcept {
  std::array<double, virtual_lanes> lanes{};
  for (std::size_t i = 0; i < block.size(); ++i) {
    const double x = static_cast<double>(block[i] * scale);
    double& lane = lanes[i % virtual_lanes];
    lane = std::fma(x, x, lane);
  }
  for (std::size_t width = virtual_lanes / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

}  // namespace

void square_sums(std::span<double> sums, std::span<const float> gradient, float scale) noexcept {
  assert(sums.size() == (gradient.size() + norm_block - 1) / norm_block);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t first = i * norm_block;
    sums[i] = square_sum(gradient.subspan(first, std::min(norm_block, gradient.size() - first)), scale);
  }
}

void adamw_update(std::span<float> weights, std::span<float> moment1, std::span<float> moment2,
                  std::span<const float> gradient, bool decayed, const AdamWStep& step) noexcept {
  assert(moment1.size() == weights.size() && moment2.size() == weights.size() && gradient.size() == weights.size());
  const AdamWFactors f = adamw_factors(step, decayed);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float g = (gradient[i] * f.gradient_scale) * f.clip;
    const float m = std::fma(f.beta1, moment1[i], f.one_minus_beta1 * g);
    const float v = std::fma(f.beta2, moment2[i], (f.one_minus_beta2 * g) * g);
    const float adapted = (f.rate * m) / (std::sqrt(v * f.correction2) + f.epsilon);
    weights[i] = weights[i] - std::fma(f.decay, weights[i], adapted);
    moment1[i] = m;
    moment2[i] = v;
  }
}

void add(std::span<float> out, std::span<const float> a, std::span<const float> b) noexcept {
  assert(a.size() == out.size() && b.size() == out.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = a[i] + b[i];
}

}  // namespace plain

}  // namespace compute
