#pragma once

// Double-precision functions as fixed sequences of additions, multiplications, divisions and `std::fma`: the same bits
// on every machine, whatever its math library. For the few scalars of a step (losses, learning rates, initial weights);
// the bulk of the arithmetic has vector forms of its own. No function here touches libm, errno or the floating-point
// mode.

#include <cstdint>

namespace compute {

/// Natural logarithm. Relative error below 1e-15, near 1 too.
///   -infinity for 0, NaN for negative numbers and NaN, infinity for infinity.
///   Method: x = 2^e m with m in [sqrt(1/2), sqrt(2)); log m = 2 artanh((m - 1) / (m + 1)), 12 terms of its series.
double log(double x) noexcept;

/// e^x for |x| <= 700. Relative error below 1e-15.
///   Method: x = n ln 2 + r with |r| <= 0.35, 14 terms of the series in r, times 2^n.
double exp(double x) noexcept;

/// cos(pi x) and sin(pi x). Error below 2^-52 relative to the result. Requires |x| < 2^51.
///   Method: x = n / 2 + r exactly with |r| <= 1/4; the Taylor series of pi r to 9 terms.
double cos_pi(double x) noexcept;
double sin_pi(double x) noexcept;

/// base^n by squaring, the lowest bit of n first; 1 for n == 0. Relative error below 2^-52 log2(n) n / 2.
double power(double base, std::uint64_t n) noexcept;

}  // namespace compute
