#pragma once

// The Gaussian error linear unit in its tanh form, as GPT-2 has it ("gelu_new"):
//   gelu(x) = x/2 (1 + tanh u) = x sigmoid(2u),   u = sqrt(2/pi) (x + 0.044715 x^3).
//   Source: Hendrycks & Gimpel 2016, section 2; the released code of GPT-2.
//
// The arithmetic, all f32, sigmoid being that of compute/exp.hpp, k = f32(2 sqrt(2/pi)), c = f32(0.044715 k):
//   t   = x * x
//   s   = sigmoid(x * fma(c, t, k))        of 2u
//   out = x * s
// and backward, with c3 = f32(3 * 0.044715 k):
//   v   = fma(c3, t, k)                    the slope of 2u
//   dx  = dout * fma(fma(-out, s, out), v, s)

#include <span>

namespace compute {

inline constexpr float gelu_slope = 0x1.988454p+0f;    ///< 2 sqrt(2/pi)
inline constexpr float gelu_cubic = 0x1.2444f2p-4f;    ///< 0.044715 * 2 sqrt(2/pi)
inline constexpr float gelu_cubic_3 = 0x1.b6676cp-3f;  ///< 3 * 0.044715 * 2 sqrt(2/pi)

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
