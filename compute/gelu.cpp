#include "compute/gelu.hpp"

#include <cassert>
#include <cmath>
#include <cstddef>

#include "compute/exp.hpp"

namespace compute::plain {

namespace {

float sigmoid_of(float x, float square) noexcept {
  return sigmoid_of_minus(x * std::fma(-gelu_cubic, square, -gelu_slope));
}

}  // namespace

void gelu_forward(std::span<float> out, std::span<const float> x) noexcept {
  assert(out.size() == x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] * sigmoid_of(x[i], x[i] * x[i]);
}

void gelu_backward(std::span<float> dx, std::span<float> out, std::span<const float> dout,
                   std::span<const float> x) noexcept {
  assert(dx.size() == x.size() && out.size() == x.size() && dout.size() == x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float square = x[i] * x[i];
    const float sigmoid = sigmoid_of(x[i], square);
    const float result = x[i] * sigmoid;
    const float slope = std::fma(gelu_cubic_3, square, gelu_slope);
    dx[i] = dout[i] * std::fma(std::fma(-result, sigmoid, result), slope, sigmoid);
    out[i] = result;
  }
}

}  // namespace compute::plain
