#pragma once

// The Gaussian error linear unit in its tanh form, as GPT-2 has it ("gelu_new"):
//   gelu(x) = x/2 (1 + tanh u) = x / (1 + exp(-2u)),   u = sqrt(2/pi) (x + 0.044715 x^3).
//   Source: Hendrycks & Gimpel 2016, section 2; the released code of GPT-2.
//
// The arithmetic, all f32, exp being that of compute/exp.hpp, k = f32(2 sqrt(2/pi)), c = f32(0.044715):
//   t   = x * x
//   e   = exp(-k * (x * fma(c, t, 1)))
//   out = x / (1 + e)
// and backward, with c3 = f32(3 * 0.044715):
//   s   = 1 / (1 + e)
//   v   = k * fma(c3, t, 1)                the slope of 2u
//   dx  = dout * fma((x * s) * (1 - s), v, s)

#include <span>

namespace compute {

inline constexpr float gelu_slope = 0x1.988454p+0f;    ///< 2 sqrt(2/pi)
inline constexpr float gelu_cubic = 0x1.6e4e26p-5f;    ///< 0.044715
inline constexpr float gelu_cubic_3 = 0x1.12ba9ep-3f;  ///< 3 * 0.044715

/// out[i] = gelu(x[i]). out may be x.
void gelu_forward(std::span<float> out, std::span<const float> x) noexcept;

/// dx[i] = dout[i] * gelu'(x[i]), and once more out[i] = gelu(x[i]), which then need not be kept.
///   dx may be dout; out may be x; otherwise they do not overlap.
void gelu_backward(std::span<float> dx, std::span<float> out, std::span<const float> dout,
                   std::span<const float> x) noexcept;

namespace plain {
void gelu_forward(std::span<float> out, std::span<const float> x) noexcept;
void gelu_backward(std::span<float> dx, std::span<float> out, std::span<const float> dout,
                   std::span<const float> x) noexcept;
}  // namespace plain

}  // namespace compute
