#include "compute/layernorm.hpp"

#include <algorithm>
#include <cmath>

#include "compute/lanes.hpp"

namespace compute::plain {

namespace {

float variance_of(std::span<const float> x, float mean) noexcept {
  Sum16 sum;
  for (std::size_t i = 0; i < x.size(); ++i) sum.add_product(i, x[i] - mean, x[i] - mean);
  return sum.fold() / static_cast<float>(x.size());
}

}  // namespace

void layernorm_forward(Matrix out, float* means, float* rstds, ConstMatrix x, const float* gain,
                       const float* bias) noexcept {
  const std::size_t C = x.columns;
  for (std::size_t row = 0; row < x.rows; ++row) {
    const float* in = x.data + row * x.stride;
    float* result = out.data + row * out.stride;
    const float mean = sum16({in, C}) / static_cast<float>(C);
    const float rstd = 1.0f / std::sqrt(variance_of({in, C}, mean) + layernorm_epsilon);
    for (std::size_t i = 0; i < C; ++i) result[i] = std::fma((in[i] - mean) * rstd, gain[i], bias[i]);
    means[row] = mean;
    rstds[row] = rstd;
  }
}

void layernorm_backward(Matrix dx, Into into, float* dgain, float* dbias, ConstMatrix dout, ConstMatrix x,
                        const float* means, const float* rstds, const float* gain) noexcept {
  const std::size_t C = x.columns;
  std::fill_n(dgain, C, 0.0f);
  std::fill_n(dbias, C, 0.0f);
  for (std::size_t row = 0; row < x.rows; ++row) {
    const float* in = x.data + row * x.stride;
    const float* from = dout.data + row * dout.stride;
    float* result = dx.data + row * dx.stride;
    const float rstd = rstds[row];
    const auto normal = [=](std::size_t i) { return (in[i] - means[row]) * rstd; };

    Sum16 sum, product_sum;
    for (std::size_t i = 0; i < C; ++i) {
      sum.add(i, from[i] * gain[i]);
      product_sum.add_product(i, from[i] * gain[i], normal(i));
    }
    const float a = sum.fold() / static_cast<float>(C);
    const float b = product_sum.fold() / static_cast<float>(C);
    for (std::size_t i = 0; i < C; ++i) {
      const float through_norm = std::fma(-b, normal(i), from[i] * gain[i] - a) * rstd;
      result[i] = into == Into::added ? result[i] + through_norm : through_norm;
      dgain[i] = std::fma(from[i], normal(i), dgain[i]);
      dbias[i] += from[i];
    }
  }
}

}  // namespace compute::plain
