#include "compute/scalar_math.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <numbers>

#include "compute/random.hpp"

BOOST_AUTO_TEST_SUITE(scalar_math)

const compute::RandomStream numbers(7, compute::RandomPurpose::sampling, 0);

double relative_error(double value, long double exact) {
  if (exact == 0) return std::abs(value);
  return static_cast<double>(std::abs((static_cast<long double>(value) - exact) / exact));
}

BOOST_AUTO_TEST_CASE(log_is_accurate_over_all_exponents) {
  double worst = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const int exponent = static_cast<int>(numbers.below(2 * i, 2090)) - 1072;
    const double x = std::ldexp(1 + numbers.uniform(2 * i + 1), exponent);
    if (x > 0) worst = std::max(worst, relative_error(compute::log(x), std::log(static_cast<long double>(x))));
  }
  BOOST_TEST(worst < 1e-15);
}

BOOST_AUTO_TEST_CASE(log_is_accurate_near_one) {
  double worst = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const double x = 1 + std::ldexp(numbers.uniform(i) - 0.5, -static_cast<int>(i % 50));
    if (x != 1) worst = std::max(worst, relative_error(compute::log(x), std::log(static_cast<long double>(x))));
  }
  BOOST_TEST(worst < 1e-15);
  BOOST_TEST(compute::log(1.0) == 0.0);
}

BOOST_AUTO_TEST_CASE(log_has_the_usual_edges) {
  const double infinity = std::numeric_limits<double>::infinity();
  BOOST_TEST(compute::log(0.0) == -infinity);
  BOOST_TEST(compute::log(infinity) == infinity);
  BOOST_TEST(std::isnan(compute::log(-1.0)));
  BOOST_TEST(std::isnan(compute::log(std::numeric_limits<double>::quiet_NaN())));
}

BOOST_AUTO_TEST_CASE(cos_pi_and_sin_pi_are_accurate) {
  double worst = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const double x = (numbers.uniform(i) - 0.5) * 8;
    // The reference is good to an absolute 2^-60; away from a zero that is a relative 1e-15.
    const long double cosine = std::cos(std::numbers::pi_v<long double> * static_cast<long double>(x));
    const long double sine = std::sin(std::numbers::pi_v<long double> * static_cast<long double>(x));
    if (std::abs(cosine) > 1e-3L) worst = std::max(worst, relative_error(compute::cos_pi(x), cosine));
    if (std::abs(sine) > 1e-3L) worst = std::max(worst, relative_error(compute::sin_pi(x), sine));
  }
  BOOST_TEST(worst < 1e-15);
}

BOOST_AUTO_TEST_CASE(quarter_turns_are_exact) {
  for (int n = -8; n <= 8; ++n) {
    const double whole = n % 2 == 0 ? 1.0 : -1.0;
    BOOST_TEST(compute::cos_pi(n) == whole);
    BOOST_TEST(compute::sin_pi(n) == 0.0);
    BOOST_TEST(compute::sin_pi(n + 0.5) == whole);
    BOOST_TEST(compute::cos_pi(n + 0.5) == 0.0);
  }
}

BOOST_AUTO_TEST_CASE(power_multiplies_n_times) {
  BOOST_TEST(compute::power(0.9, 0) == 1.0);
  BOOST_TEST(compute::power(3.0, 5) == 243.0);
  BOOST_TEST(compute::power(-2.0, 63) == -0x1p63);
  double worst = 0;
  for (std::uint64_t n = 1; n < 5000; n += 7)
    worst = std::max(worst, relative_error(compute::power(0.999, n), std::pow(0.999L + (0.999 - 0.999L), n)));
  BOOST_TEST(worst < 1e-12);
}

BOOST_AUTO_TEST_SUITE_END()
