#include "compute/random.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

BOOST_AUTO_TEST_SUITE(random_)

using Key = std::array<std::uint32_t, 2>;
using Words = std::array<std::uint32_t, 4>;
using compute::RandomPurpose;
using compute::RandomStream;

BOOST_AUTO_TEST_CASE(philox_gives_the_known_answers) {
  // Source: the file kat_vectors of Random123, philox4x32 with 10 rounds.
  struct Known {
    Words counter;
    Key key;
    Words answer;
  };
  const std::vector<Known> known = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Known& one : known)
    BOOST_TEST(compute::philox(one.key, one.counter) == one.answer, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(streams_differ_by_seed_purpose_site_and_element) {
  const std::uint64_t one = RandomStream(1, RandomPurpose::shuffle, 2).bits(3);
  BOOST_TEST(one == RandomStream(1, RandomPurpose::shuffle, 2).bits(3));
  BOOST_TEST(one != RandomStream(std::uint64_t{1} << 32, RandomPurpose::shuffle, 2).bits(3));
  BOOST_TEST(one != RandomStream(1, RandomPurpose::sampling, 2).bits(3));
  BOOST_TEST(one != RandomStream(1, RandomPurpose::shuffle, 3).bits(3));
  BOOST_TEST(one != RandomStream(1, RandomPurpose::shuffle, 2).bits(2));
}

BOOST_AUTO_TEST_CASE(uniform_numbers_fill_the_unit_interval_evenly) {
  const RandomStream stream(5, RandomPurpose::sampling, 0);
  constexpr std::size_t bins = 64, per_bin = 1000;
  std::vector<double> counts(bins);
  for (std::size_t i = 0; i < bins * per_bin; ++i) {
    const double x = stream.uniform(i);
    BOOST_REQUIRE((x >= 0 && x < 1));
    ++counts[static_cast<std::size_t>(x * bins)];
  }
  double chi_square = 0;
  for (const double count : counts) chi_square += (count - per_bin) * (count - per_bin) / per_bin;
  BOOST_TEST(chi_square < 100);  // 63 degrees of freedom: a chance of 0.2 %, and the seed is fixed
}

BOOST_AUTO_TEST_CASE(below_stays_below_and_reaches_everything) {
  const RandomStream stream(5, RandomPurpose::shuffle, 0);
  std::vector<int> counts(7);
  for (std::size_t i = 0; i < 7000; ++i) ++counts.at(stream.below(i, 7));
  for (const int count : counts) BOOST_TEST(std::abs(count - 1000) < 150);
  BOOST_TEST(stream.below(0, 1) == 0u);
}

BOOST_AUTO_TEST_CASE(normal_numbers_have_the_moments_of_the_normal_distribution) {
  const RandomStream stream(5, RandomPurpose::initialization, 0);
  constexpr std::size_t count = 200000;
  double sum = 0, squares = 0, cubes = 0, fourths = 0, neighbours = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = stream.normal(i);
    sum += x;
    squares += x * x;
    cubes += x * x * x;
    fourths += x * x * x * x;
    neighbours += x * stream.normal(i ^ 1);
  }
  const double n = count;
  BOOST_TEST(std::abs(sum / n) < 0.01);
  BOOST_TEST(std::abs(squares / n - 1) < 0.01);
  BOOST_TEST(std::abs(cubes / n) < 0.03);
  BOOST_TEST(std::abs(fourths / n - 3) < 0.1);
  BOOST_TEST(std::abs(neighbours / n) < 0.01);
}

BOOST_AUTO_TEST_CASE(a_pair_of_normals_is_two_elements) {
  const RandomStream stream(9, RandomPurpose::initialization, 4);
  for (std::uint64_t i = 0; i < 10; ++i) {
    BOOST_TEST(stream.normal_pair(i)[0] == stream.normal(2 * i));
    BOOST_TEST(stream.normal_pair(i)[1] == stream.normal(2 * i + 1));
  }
}

BOOST_AUTO_TEST_SUITE_END()
