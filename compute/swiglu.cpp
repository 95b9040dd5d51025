#include "compute/swiglu.hpp"

#include <cassert>
#include <cmath>

#include "compute/exp.hpp"

namespace compute::plain {

void swiglu_forward(Matrix out, ConstMatrix both) noexcept {
  const std::size_t F = out.columns;
  assert(both.rows == out.rows && both.columns == 2 * F);
  for (std::size_t row = 0; row < out.rows; ++row) {
    const float* gate = both.data + row * both.stride;
    const float* up = gate + F;
    float* result = out.data + row * out.stride;
    for (std::size_t i = 0; i < F; ++i) result[i] = gate[i] * sigmoid_of_minus(-gate[i]) * up[i];
  }
}

void swiglu_backward(Matrix dboth, Matrix out, ConstMatrix dout, ConstMatrix both) noexcept {
  const std::size_t F = out.columns;
  assert(both.rows == out.rows && both.columns == 2 * F);
  assert(dboth.rows == out.rows && dboth.columns == 2 * F && dout.rows == out.rows && dout.columns == F);
  for (std::size_t row = 0; row < out.rows; ++row) {
    const float* gates = both.data + row * both.stride;
    const float* from = dout.data + row * dout.stride;
    float* dgates = dboth.data + row * dboth.stride;
    float* result = out.data + row * out.stride;
    for (std::size_t i = 0; i < F; ++i) {
      const float gate = gates[i], up = gates[F + i], slope = from[i];
      const float sigmoid = sigmoid_of_minus(-gate);
      const float silu = gate * sigmoid;
      dgates[i] = (slope * up) * std::fma(silu, 1.0f - sigmoid, sigmoid);
      dgates[F + i] = slope * silu;
      result[i] = silu * up;
    }
  }
}

}  // namespace compute::plain
