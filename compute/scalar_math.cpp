#include "compute/scalar_math.hpp"

#include <bit>
#include <cmath>
#include <limits>

namespace compute {

namespace {

constexpr std::uint64_t mantissa_bits = (std::uint64_t{1} << 52) - 1;

/// ln 2 in two parts: the first has 20 trailing zero bits, so that its multiple by an exponent is exact.
constexpr double ln2_high = 0x1.62e42fefp-1;
constexpr double ln2_low = 0x1.473de6af278edp-34;

/// The nearest multiple of 1/2 to x, and what is left: x = quarters / 2 + rest, |rest| <= 1/4, all exact.
struct HalfTurns {
  unsigned quarters;  ///< modulo 4
  double rest;
};

HalfTurns split_half_turns(double x) noexcept {
  // floor of 2x + 1/2 by truncation; 2x + 1/2 is exact or rounds within the same integer for |x| < 2^51.
  const double wanted = 2 * x + 0.5;
  auto n = static_cast<std::int64_t>(wanted);
  if (static_cast<double>(n) > wanted) --n;
  return {static_cast<unsigned>(n & 3), std::fma(-0.5, static_cast<double>(n), x)};
}

/// sin(pi r) for |r| <= 1/4: y - y^3/3! + ... to y^17, Horner's scheme in y^2.
double sin_pi_near_zero(double r) noexcept {
  constexpr double pi = 0x1.921fb54442d18p+1;
  constexpr double pi_rest = 0x1.1a62633145c07p-53;
  const double y = std::fma(pi_rest, r, pi * r);
  const double square = y * y;
  double sum = 1.0 / 355687428096000.0;
  sum = std::fma(sum, square, -1.0 / 1307674368000.0);
  sum = std::fma(sum, square, 1.0 / 6227020800.0);
  sum = std::fma(sum, square, -1.0 / 39916800.0);
  sum = std::fma(sum, square, 1.0 / 362880.0);
  sum = std::fma(sum, square, -1.0 / 5040.0);
  sum = std::fma(sum, square, 1.0 / 120.0);
  sum = std::fma(sum, square, -1.0 / 6.0);
  return std::fma(sum * square, y, y);
}

/// cos(pi r) for |r| <= 1/4: 1 - y^2/2! + ... to y^18.
double cos_pi_near_zero(double r) noexcept {
  constexpr double pi = 0x1.921fb54442d18p+1;
  const double y = pi * r;
  const double square = y * y;
  double sum = -1.0 / 6402373705728000.0;
  sum = std::fma(sum, square, 1.0 / 20922789888000.0);
  sum = std::fma(sum, square, -1.0 / 87178291200.0);
  sum = std::fma(sum, square, 1.0 / 479001600.0);
  sum = std::fma(sum, square, -1.0 / 3628800.0);
  sum = std::fma(sum, square, 1.0 / 40320.0);
  sum = std::fma(sum, square, -1.0 / 720.0);
  sum = std::fma(sum, square, 1.0 / 24.0);
  sum = std::fma(sum, square, -0.5);
  return std::fma(sum, square, 1.0);
}

}  // namespace

double exp(double x) noexcept {
  constexpr double log2_e = 0x1.71547652b82fep+0;
  constexpr double shift = 0x1.8p+52;  // adding it leaves no bits for a fraction
  const double n = (x * log2_e + shift) - shift;
  const double r = std::fma(n, -ln2_low, std::fma(n, -ln2_high, x));
  double sum = 1;
  for (int k = 14; k >= 1; --k) sum = std::fma(sum, r / k, 1.0);
  const auto exponent = static_cast<std::uint64_t>(static_cast<std::int64_t>(n) + 1023);
  return sum * std::bit_cast<double>(exponent << 52);
}

double log(double x) noexcept {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (x == 0) return -infinity;
  if (!(x > 0)) return std::numeric_limits<double>::quiet_NaN();
  if (x == infinity) return x;

  int exponent = 0;
  if (x < std::numeric_limits<double>::min()) {  // subnormal
    x *= 0x1p54;
    exponent = -54;
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  exponent += static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & mantissa_bits) | std::bit_cast<std::uint64_t>(1.0));  // in [1, 2)
  constexpr double sqrt_two = 0x1.6a09e667f3bcdp+0;
  if (m >= sqrt_two) {
    m *= 0.5;
    ++exponent;
  }

  // log m = 2f (1 + f^2/3 + f^4/5 + ...); f^2 <= 0.0295, so that the 13th term is below 1e-19 of the sum.
  const double f = (m - 1) / (m + 1);
  const double square = f * f;
  double sum = 1.0 / 23.0;
  for (int odd = 21; odd >= 3; odd -= 2) sum = std::fma(sum, square, 1.0 / odd);
  const double twice = 2 * f;
  const double tail = twice * (square * sum);

  const double e = exponent;
  return std::fma(e, ln2_high, twice + std::fma(e, ln2_low, tail));
}

double cos_pi(double x) noexcept {
  const auto [quarters, rest] = split_half_turns(x);
  switch (quarters) {
    case 0:
      return cos_pi_near_zero(rest);
    case 1:
      return -sin_pi_near_zero(rest);
    case 2:
      return -cos_pi_near_zero(rest);
    default:
      return sin_pi_near_zero(rest);
  }
}

double sin_pi(double x) noexcept {
  const auto [quarters, rest] = split_half_turns(x);
  switch (quarters) {
    case 0:
      return sin_pi_near_zero(rest);
    case 1:
      return cos_pi_near_zero(rest);
    case 2:
      return -sin_pi_near_zero(rest);
    default:
      return -cos_pi_near_zero(rest);
  }
}

double power(double base, std::uint64_t n) noexcept {
  double result = 1;
  for (; n != 0; n >>= 1) {
    if (n & 1) result *= base;
    base *= base;
  }
  return result;
}

}  // namespace compute
