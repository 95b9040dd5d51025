#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/compute/exp_test.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include "compute/simd_lanes-inl.hpp"
#include "compute/simd_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tests {
namespace HWY_NAMESPACE {

void ExpAll(const float* x, float* y, std::size_t count) {
  const hwy::HWY_NAMESPACE::ScalableTag<float> d;
  const std::size_t lanes = hwy::HWY_NAMESPACE::Lanes(d);
  for (std::size_t i = 0; i < count; i += lanes) {
    const std::size_t part = HWY_MIN(lanes, count - i);
    compute::HWY_NAMESPACE::StorePart(compute::HWY_NAMESPACE::Exp(d, compute::HWY_NAMESPACE::LoadPart(d, x + i, part)),
                                      d, y + i, part);
  }
}

void ExpOfNonPositiveAll(const float* x, float* y, std::size_t count) {
  const hwy::HWY_NAMESPACE::ScalableTag<float> d;
  const std::size_t lanes = hwy::HWY_NAMESPACE::Lanes(d);
  for (std::size_t i = 0; i < count; i += lanes) {
    const std::size_t part = HWY_MIN(lanes, count - i);
    compute::HWY_NAMESPACE::StorePart(
        compute::HWY_NAMESPACE::ExpOfNonPositive(d, compute::HWY_NAMESPACE::LoadPart(d, x + i, part)), d, y + i, part);
  }
}

void SigmoidOfMinusAll(const float* z, float* y, std::size_t count) {
  const compute::HWY_NAMESPACE::Lanes16Tag d;
  compute::HWY_NAMESPACE::ForEachVectors(
      d, count, [&](std::size_t i, auto vectors, std::size_t, std::size_t lanes) HWY_ATTR {
        hwy::HWY_NAMESPACE::Vec<compute::HWY_NAMESPACE::Lanes16Tag> some[decltype(vectors)::value];
        compute::HWY_NAMESPACE::LoadVectors(d, z + i, lanes, some);
        compute::HWY_NAMESPACE::SigmoidsOfMinus(d, some);
        compute::HWY_NAMESPACE::StoreVectors(some, d, y + i, lanes);
      });
}

}  // namespace HWY_NAMESPACE
}  // namespace tests
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "compute/cpu.hpp"
#include "compute/exp.hpp"
#include "tests/compute/targets.hpp"

namespace tests {

HWY_EXPORT(ExpAll);
HWY_EXPORT(ExpOfNonPositiveAll);
HWY_EXPORT(SigmoidOfMinusAll);

BOOST_AUTO_TEST_SUITE(exp_)

/// Every 257th pattern of bits but the NaNs: both signs, denormals, infinities, everything out of range.
std::vector<float> sweep() {
  std::vector<float> x = {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 257) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (!std::isnan(value)) x.push_back(value);
  }
  for (const float edge : {compute::exp_constants::lowest, compute::exp_constants::highest}) {
    for (const float to : {-1000.0f, 1000.0f}) x.push_back(std::nextafter(edge, to));
    x.push_back(edge);
  }
  return x;
}

BOOST_AUTO_TEST_CASE(vectors_have_the_bits_of_the_definition) {
  compute::set_floating_point_mode();
  const std::vector<float> x = sweep();
  std::vector<float> expected(x.size()), y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) expected[i] = compute::plain::exp(x[i]);
  for_each_target([&] {
    HWY_DYNAMIC_DISPATCH(ExpAll)(x.data(), y.data(), x.size());
    BOOST_TEST(same_bits(y, expected));
  });
}

BOOST_AUTO_TEST_CASE(vectors_for_what_is_not_positive_have_the_bits_of_the_definition) {
  compute::set_floating_point_mode();
  std::vector<float> x;
  for (const float value : sweep()) {
    if (value <= 0) x.push_back(value);
  }
  for (int n = -126; n <= 0; ++n) {  // where the nearest integer to x / ln 2 changes
    const float middle = (static_cast<float>(n) - 0.5f) / compute::exp_constants::log2_e;
    x.insert(x.end(), {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, -1000.0f)});
  }
  std::vector<float> expected(x.size()), y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) expected[i] = compute::plain::exp(x[i]);
  for_each_target([&] {
    HWY_DYNAMIC_DISPATCH(ExpOfNonPositiveAll)(x.data(), y.data(), x.size());
    BOOST_TEST(same_bits(y, expected));
  });
}

BOOST_AUTO_TEST_CASE(vectors_for_what_is_not_positive_keep_every_nan) {
  std::vector<float> x, y(64);
  for (std::uint32_t i = 0; i < 64; ++i) {
    x.push_back(std::bit_cast<float>((i % 2 == 0 ? 0x7fc00000U : 0xff800000U) | (0x0001fff1U >> i % 17) | 1U));
  }
  for_each_target([&] {
    HWY_DYNAMIC_DISPATCH(ExpOfNonPositiveAll)(x.data(), y.data(), x.size());
    for (const float value : y) BOOST_TEST(std::isnan(value));
  });
}

BOOST_AUTO_TEST_CASE(vectors_have_the_bits_of_the_sigmoid_s_definition) {
  compute::set_floating_point_mode();
  const std::vector<float> z = sweep();
  std::vector<float> expected(z.size()), y(z.size());
  for (std::size_t i = 0; i < z.size(); ++i) expected[i] = compute::plain::sigmoid_of_minus(z[i]);
  for_each_target([&] {
    HWY_DYNAMIC_DISPATCH(SigmoidOfMinusAll)(z.data(), y.data(), z.size());
    BOOST_TEST(same_bits(y, expected));
    for (const std::size_t count : {1u, 15u, 17u, 63u, 65u, 100u}) {  // no whole number of vectors
      std::vector<float> few(count + 1, -1.0f);
      HWY_DYNAMIC_DISPATCH(SigmoidOfMinusAll)(z.data() + 1000, few.data(), count);
      BOOST_TEST(few.back() == -1.0f);
      few.pop_back();
      const auto first = expected.begin() + 1000;
      BOOST_TEST(same_bits(few, std::vector<float>(first, first + static_cast<std::ptrdiff_t>(count))));
    }
    const std::vector<float> nans(70, std::numeric_limits<float>::quiet_NaN());
    std::vector<float> nothing(nans.size());
    HWY_DYNAMIC_DISPATCH(SigmoidOfMinusAll)(nans.data(), nothing.data(), nans.size());
    for (const float value : nothing) BOOST_TEST(std::isnan(value));
  });
}

BOOST_AUTO_TEST_CASE(the_sigmoid_s_error_is_below_two_and_a_half_ulp) {
  using compute::exp_constants::sigmoid_limit;
  double worst_ulps = 0;
  for (float z = -sigmoid_limit; z <= sigmoid_limit; z += 1.0f / 4096) {
    const float jittered = z * (1 - 0x1p-13f * std::fabs(std::sin(z * 1000)));
    const long double exact = 1 / (1 + std::exp(static_cast<long double>(jittered)));
    const double ulp = std::ldexp(1.0, std::ilogb(exact) - 23);
    const long double error = std::abs(compute::plain::sigmoid_of_minus(jittered) - exact) / ulp;
    worst_ulps = std::max(worst_ulps, static_cast<double>(error));
  }
  BOOST_TEST(worst_ulps < 2.5);
}

BOOST_AUTO_TEST_CASE(the_sigmoid_s_ends_are_as_documented) {
  using namespace compute::exp_constants;
  using compute::plain::sigmoid_of_minus;
  BOOST_TEST(sigmoid_of_minus(0.0f) == 0.5f);
  BOOST_TEST(sigmoid_of_minus(-infinity) == 1.0f);
  BOOST_TEST(sigmoid_of_minus(infinity) == sigmoid_of_minus(sigmoid_limit));
  BOOST_TEST(sigmoid_of_minus(infinity) > 1000 * std::numeric_limits<float>::min());
  BOOST_TEST(std::isnan(sigmoid_of_minus(std::numeric_limits<float>::quiet_NaN())));
}

BOOST_AUTO_TEST_CASE(the_error_is_below_one_ulp) {
  double worst_ulps = 0;
  for (float x = compute::exp_constants::lowest; x <= compute::exp_constants::highest; x += 1.0f / 4096) {
    const float jittered = x * (1 + 0x1p-13f * std::sin(x * 1000));  // not only round numbers
    if (!(jittered >= compute::exp_constants::lowest && jittered <= compute::exp_constants::highest)) continue;
    const long double exact = std::exp(static_cast<long double>(jittered));
    const double ulp = std::ldexp(1.0, std::ilogb(exact) - 23);
    const long double error = std::abs(compute::plain::exp(jittered) - exact) / ulp;
    worst_ulps = std::max(worst_ulps, static_cast<double>(error));
  }
  BOOST_TEST(worst_ulps < 1.0);
}

BOOST_AUTO_TEST_CASE(the_ends_are_as_documented) {
  using namespace compute::exp_constants;
  BOOST_TEST(compute::plain::exp(0.0f) == 1.0f);
  BOOST_TEST(compute::plain::exp(-0.0f) == 1.0f);
  BOOST_TEST(compute::plain::exp(std::nextafter(lowest, -100.0f)) == 0.0f);
  BOOST_TEST(compute::plain::exp(lowest) > std::numeric_limits<float>::min());
  BOOST_TEST(std::isfinite(compute::plain::exp(highest)));
  BOOST_TEST(compute::plain::exp(std::nextafter(highest, 100.0f)) == infinity);
  BOOST_TEST(compute::plain::exp(infinity) == infinity);
  BOOST_TEST(std::bit_cast<std::uint32_t>(compute::plain::exp(-infinity)) == 0U);
  BOOST_TEST(std::isnan(compute::plain::exp(std::numeric_limits<float>::quiet_NaN())));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tests

#endif
