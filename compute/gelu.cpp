#include "compute/gelu.hpp"

#include <cassert>
#include <cmath>
#include <cstddef>

#include "compute/exp.hpp"

namespace compute::plain {

namespace {

float exponential_of(float x, float square) noexcept {
  return plain::exp(-gelu_slope * (x * std::fma(gelu_cubic, square, 1.0f)));
}

}  // namespace

void gelu_forward(std::span<float> out, std::span<const float> x) noexcept {
  assert(out.size() == x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] / (1.0f + exponential_of(x[i], x[i] * x[i]));
}

void gelu_backward(std::span<float> dx, std::span<float> out, std::span<const float> dout,
                   std::span<const float> x) noexcept {
  assert(dx.size() == x.size() && out.size() == x.size() && dout.size() == x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float input = x[i];
    const float square = input * input;
    const float divisor = 1.0f + exponential_of(input, square);
    const float sigmoid = 1.0f / divisor;
    const float slope = gelu_slope * std::fma(gelu_cubic_3, square, 1.0f);
    const float derivative = std::fma((input * sigmoid) * (1.0f - sigmoid), slope, sigmoid);
    dx[i] = dout[i] * derivative;
    out[i] = input / divisor;
  }
}

}  // namespace compute::plain
