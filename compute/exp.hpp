#pragma once

// The exponential of the training arithmetic: a fixed sequence of roundings instead of libm's, whose bits change with
// its version. `plain::exp` is the definition; `Exp` in compute/simd_math-inl.hpp gives the same bits a vector at a
// time.
//
//   t = fma(x, log2_e, shift)           n = t - shift, x / ln 2 rounded to the nearest integer, ties to even
//   r = fma(n, -ln2_low, fma(n, -ln2_high, x))                       |r| <= 0.3466
//   p = c6;  p = fma(p, r, c) for c = c5, c4, c3, c2, 1, 1           e^r
//   y = p with (bits of t) << 23 added to its bits                   p 2^n: shift's own low nine bits are zero
//   x < lowest: +0;  x <= highest: y;  else x * infinity: +infinity, or NaN for NaN
//
// and the sigmoid, z kept within +-sigmoid_limit: 1 / (1 + y).

#include <limits>

namespace compute {

namespace exp_constants {
inline constexpr float log2_e = 0x1.715476p+0f;
inline constexpr float ln2_high = 0x1.62e430p-1f;
inline constexpr float ln2_low = -0x1.05c610p-29f;
inline constexpr float shift = 0x1.8p+23f;  ///< adding it leaves no bits for a fraction
/// Minimax for the relative error of 1 + r + c2 r^2 + ... + c6 r^6 on |r| <= ln 2 / 2: 3.1e-9 before rounding.
inline constexpr float c2 = 0x1.fffffcp-2f;
inline constexpr float c3 = 0x1.555492p-3f;
inline constexpr float c4 = 0x1.5558f2p-5f;
inline constexpr float c5 = 0x1.123a20p-7f;
inline constexpr float c6 = 0x1.6a23d0p-10f;
inline constexpr float lowest = -87.3f;           ///< below it the result is +0: no result is subnormal
inline constexpr float highest = 0x1.62e42ep+6f;  ///< 88.72283; e^x is infinite in f32 above it
inline constexpr float sigmoid_limit = 80.0f;     ///< e^80 is 5e34
inline constexpr float infinity = std::numeric_limits<float>::infinity();
}  // namespace exp_constants

namespace plain {

/// e^x within 1 ulp of the exact value for -87.3 <= x <= 88.72283; +0 below, +infinity above, NaN for NaN.
///   exp(+0) and exp(-0) are exactly 1.
///   Source: Cody & Waite 1980, chapter 6; coefficients by Remez exchange, rounded to f32.
float exp(float x) noexcept;

/// 1 / (1 + e^z), the sigmoid of -z, within 2.5 ulp; NaN for NaN.
///   z is first brought to [-sigmoid_limit, sigmoid_limit]: no result is zero or subnormal.
float sigmoid_of_minus(float z) noexcept;

}  // namespace plain

}  // namespace compute
