#include "compute/gelu_erf.hpp"

#include <cassert>
#include <cmath>
#include <cstddef>
#include <initializer_list>

#include "compute/exp.hpp"

namespace compute::plain {

float erf(float x) noexcept {
  using namespace erf_constants;
  const float magnitude = std::fabs(x);
  const float t = magnitude > far ? far : magnitude;
  if (t <= near) {
    float p = a5;
    for (const float a : {a4, a3, a2, a1, a0}) p = std::fma(p, t * t, a);
    return std::fma(p, x, x);
  }
  float q = b7;
  for (const float b : {b6, b5, b4, b3, b2, b1, b0}) q = std::fma(q, t, b);
  return std::copysign(1.0f - exp(-(t * q)), x);
}

namespace {

float probability_below(float x) noexcept {
  return std::fma(0.5f, plain::erf(x * root_half), 0.5f);
}

}  // namespace

void gelu_erf_forward(std::span<float> out, std::span<const float> x) noexcept {
  assert(out.size() == x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] * probability_below(x[i]);
}

void gelu_erf_backward(std::span<float> dx, std::span<float> out, std::span<const float> dout,
                       std::span<const float> x) noexcept {
  assert(dx.size() == x.size() && out.size() == x.size() && dout.size() == x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float input = x[i];
    const float below = probability_below(input);
    const float density = normal_density * exp(-0.5f * (input * input));
    dx[i] = dout[i] * std::fma(input, density, below);
    out[i] = input * below;
  }
}

}  // namespace compute::plain
