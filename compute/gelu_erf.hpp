#pragma once

// The Gaussian error linear unit as it was defined, with the error function ("gelu" in Hugging Face's configurations):
//   gelu(x) = x Phi(x),   Phi(x) = (1 + erf(x / sqrt 2)) / 2.
//   Source: Hendrycks & Gimpel 2016, section 2.
//
// The arithmetic, all f32, exp being that of compute/exp.hpp. erf(x), with t = |x|, or 4 if that is larger:
//   t <= near   p = a5;  p = fma(p, t * t, a) for a = a4 .. a0;  erf = fma(p, x, x)
//   else        q = b7;  q = fma(q, t, b) for b = b6 .. b0;  erf = 1 - exp(-(t * q)), with the sign of x
// Then
//   Phi = fma(1/2, erf(x * f32(1/sqrt 2)), 1/2)
//   out = x * Phi
//   dx  = dout * fma(x, f32(1/sqrt(2 pi)) * exp(-1/2 * (x * x)), Phi)

#include <span>

namespace compute {

/// Weighted minimax fits by reweighted least squares, rounded to f32: of erf(t) / t - 1 in t^2, 1.9e-8 relative to erf;
/// of -log(1 - erf(t)) / t, 2e-10 of erf.
namespace erf_constants {
inline constexpr float near = 0.9375f;
inline constexpr float far = 4.0f;  ///< erf is 1 from there on
inline constexpr float a0 = 0x1.06eba6p-3f;
inline constexpr float a1 = -0x1.8126d4p-2f;
inline constexpr float a2 = 0x1.ce17a6p-4f;
inline constexpr float a3 = -0x1.b66324p-6f;
inline constexpr float a4 = 0x1.464ff0p-8f;
inline constexpr float a5 = -0x1.36590ap-11f;
inline constexpr float b0 = 0x1.20e944p+0f;
inline constexpr float b1 = 0x1.456c06p-1f;
inline constexpr float b2 = 0x1.af7082p-4f;
inline constexpr float b3 = -0x1.74b182p-6f;
inline constexpr float b4 = 0x1.8604aep-9f;
inline constexpr float b5 = -0x1.153d64p-14f;
inline constexpr float b6 = -0x1.6313d6p-15f;
inline constexpr float b7 = 0x1.396b4ap-18f;
}  // namespace erf_constants

inline constexpr float root_half = 0x1.6a09e6p-1f;       ///< 1 / sqrt 2
inline constexpr float normal_density = 0x1.988454p-2f;  ///< 1 / sqrt(2 pi)

/// out[i] = gelu(x[i]). out may be x.
void gelu_erf_forward(std::span<float> out, std::span<const float> x) noexcept;

/// dx[i] = dout[i] * gelu'(x[i]), and once more out[i] = gelu(x[i]), which then need not be kept.
///   dx may be dout; out may be x; otherwise they do not overlap.
void gelu_erf_backward(std::span<float> dx, std::span<float> out, std::span<const float> dout,
                       std::span<const float> x) noexcept;

namespace plain {
/// The error function within 2^-23 of the exact value; NaN for NaN.
float erf(float x) noexcept;
void gelu_erf_forward(std::span<float> out, std::span<const float> x) noexcept;
void gelu_erf_backward(std::span<float> dx, std::span<float> out, std::span<const float> dout,
                       std::span<const float> x) noexcept;
}  // namespace plain

}  // namespace compute
