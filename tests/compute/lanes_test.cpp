#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/compute/lanes_test.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include "compute/simd_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tests {
namespace HWY_NAMESPACE {

/// Sum, maximum and sum of squares.
void Reduce(const float* x, std::size_t count, float* results) {
  namespace kernels = compute::HWY_NAMESPACE;
  const kernels::Lanes16Tag d;
  kernels::Sum16 squares(d);
  kernels::ForEachVector(d, count, [&](std::size_t offset, std::size_t slot, std::size_t lanes) HWY_ATTR {
    const auto v = kernels::LoadPart(d, x + offset, lanes);
    squares.AddProduct(d, slot, v, v);
  });
  results[0] = kernels::SumOf16(d, x, count);
  results[1] = kernels::MaxOf16(d, x, count);
  results[2] = squares.Fold(d);
}

}  // namespace HWY_NAMESPACE
}  // namespace tests
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <array>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "tests/compute/targets.hpp"

namespace tests {

HWY_EXPORT(Reduce);

BOOST_AUTO_TEST_SUITE(lanes)

/// `count` numbers of mixed magnitude and sign, zeros of both signs among them.
std::vector<float> numbers(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> x(count);
  for (float& value : x) {
    const float uniform = static_cast<float>(random() >> 8) * 0x1p-24f - 0.5f;
    const unsigned kind = random() % 8;
    value = kind == 0 ? 0.0f : kind == 1 ? -0.0f : kind == 2 ? uniform * 1e6f : uniform;
  }
  return x;
}

BOOST_AUTO_TEST_CASE(vectors_have_the_bits_of_the_definitions_at_every_length) {
  for (std::size_t count = 0; count <= 200; ++count) {
    const std::vector<float> x = numbers(count, static_cast<unsigned>(count));
    // Exactly as long as the numbers, so that address sanitizer sees a read past them.
    const std::unique_ptr<float[]> copy(new float[count + 1]);
    std::copy(x.begin(), x.end(), copy.get() + 1);
    compute::plain::Sum16 squares;
    for (std::size_t i = 0; i < count; ++i) squares.add_product(i, x[i], x[i]);
    const std::array<float, 3> expected = {compute::plain::sum16(x), compute::plain::max16(x), squares.fold()};
    for_each_target([&] {
      std::array<float, 3> results{};
      HWY_DYNAMIC_DISPATCH(Reduce)(copy.get() + 1, count, results.data());
      BOOST_TEST(same_bits(results, expected), "length " << count);
    });
  }
}

BOOST_AUTO_TEST_CASE(the_fold_is_the_documented_one) {
  const std::vector<float> x = numbers(40, 7);
  std::array<float, 16> lane{};
  for (std::size_t i = 0; i < x.size(); ++i) lane[i % 16] += x[i];
  for (std::size_t i = 0; i < 8; ++i) lane[i] += lane[i + 8];
  for (std::size_t i = 0; i < 4; ++i) lane[i] += lane[i + 4];
  BOOST_TEST(compute::plain::sum16(x) == (lane[0] + lane[2]) + (lane[1] + lane[3]));
}

BOOST_AUTO_TEST_CASE(the_sum_of_nothing_is_zero_and_its_maximum_is_minus_infinity) {
  BOOST_TEST(compute::plain::sum16({}) == 0.0f);
  BOOST_TEST(compute::plain::max16({}) == -std::numeric_limits<float>::infinity());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tests

#endif
