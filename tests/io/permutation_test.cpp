#include "io/permutation.hpp"

#include <algorithm>
#include <array>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;

namespace {

bool is_bijection(std::uint64_t count, std::uint64_t seed, std::uint64_t epoch) {
  const io::Permutation permutation(count, seed, epoch);
  std::vector<bool> met(count);
  for (std::uint64_t position = 0; position < count; ++position) {
    const std::uint64_t element = permutation(position);
    if (element >= count || met[element]) return false;
    met[element] = true;
  }
  return true;
}

std::vector<std::uint64_t> order(std::uint64_t count, std::uint64_t seed, std::uint64_t epoch) {
  const io::Permutation permutation(count, seed, epoch);
  std::vector<std::uint64_t> elements(count);
  for (std::uint64_t position = 0; position < count; ++position) elements[position] = permutation(position);
  return elements;
}

/// By how many standard deviations the chi-square of equally likely counts lies off its mean.
double deviation(const std::vector<std::uint64_t>& counts) {
  double all = 0, sum = 0;
  for (const std::uint64_t count : counts) all += static_cast<double>(count);
  const double expected = all / static_cast<double>(counts.size());
  for (const std::uint64_t count : counts) sum += std::pow(static_cast<double>(count) - expected, 2) / expected;
  const double freedom = static_cast<double>(counts.size() - 1);
  return (sum - freedom) / std::sqrt(2 * freedom);
}

/// The definition in io/permutation.hpp, once more.
std::uint64_t finalise(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9u;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

std::uint64_t defined(std::uint64_t count, std::uint64_t seed, std::uint64_t epoch, std::uint64_t position) {
  const std::uint64_t g = 0x9E3779B97F4A7C15u;
  unsigned h = 3;
  while (h < 32 && std::uint64_t{1} << (2 * h) < count) ++h;
  const std::uint64_t state = finalise(seed + g) + epoch * g + g;
  do {
    std::uint64_t left = position >> h, right = position & ((std::uint64_t{1} << h) - 1);
    for (unsigned i = 0; i < (h <= 8 ? 16u : 8u); ++i) {
      std::uint64_t x = (right ^ finalise(finalise(state) + (i + 1) * g)) * 0xBF58476D1CE4E5B9u;
      x ^= x >> 32;
      x = left ^ (x * 0x94D049BB133111EBu >> (64 - h));
      left = right;
      right = x;
    }
    position = (left << h) + right;
  } while (position >= count);
  return position;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(permutation)

BOOST_AUTO_TEST_CASE(every_small_count_is_permuted) {
  for (std::uint64_t count = 0; count <= 2000; ++count)
    if (!is_bijection(count, count * 7, count % 3)) BOOST_ERROR("count " << count);
}

BOOST_DATA_TEST_CASE(large_counts_are_permuted, data::make(seeds(8)), seed) {
  std::mt19937_64 random(seed);
  const std::uint64_t count = 2001 + random() % ((1u << 22) - 2001);
  BOOST_TEST(is_bijection(count, random(), random()), "count " << count);
}

BOOST_AUTO_TEST_CASE(powers_of_two_and_their_neighbours_are_permuted) {
  for (const std::uint64_t power : {65536u, 1u << 18, 1u << 22})
    for (const std::uint64_t count : {power - 1, power, power + 1}) BOOST_TEST(is_bijection(count, 1, 2), count);
}

BOOST_DATA_TEST_CASE(huge_counts_give_distinct_elements_in_range,
                     data::make({std::uint64_t{1} << 32, (std::uint64_t{1} << 48) + 1, (std::uint64_t{1} << 62) + 1,
                                 std::uint64_t{1} << 63, ~std::uint64_t{0}}),
                     count) {
  const io::Permutation permutation(count, 3, 4);
  std::vector<std::uint64_t> elements;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    elements.push_back(permutation(i));
    elements.push_back(permutation(count - 1 - i));
  }
  BOOST_TEST(*std::max_element(elements.begin(), elements.end()) < count);
  std::sort(elements.begin(), elements.end());
  BOOST_TEST((std::adjacent_find(elements.begin(), elements.end()) == elements.end()));
}

BOOST_DATA_TEST_CASE(the_function_is_the_one_defined, data::make(seeds(200)), seed) {
  std::mt19937_64 random(seed);
  const std::uint64_t count = (random() >> random() % 64) | 1;
  const std::uint64_t key = random(), epoch = random() >> random() % 64, position = random() % count;
  BOOST_TEST(io::Permutation(count, key, epoch)(position) == defined(count, key, epoch, position));
}

BOOST_AUTO_TEST_CASE(the_function_is_fixed_for_ever) {
  const std::vector<std::uint64_t> ten = {6, 7, 1, 8, 3, 4, 2, 9, 0, 5};
  BOOST_TEST(order(10, 42, 0) == ten, boost::test_tools::per_element());
  BOOST_TEST(io::Permutation(1'000'000'007, 42, 1)(123'456'789) == 799173041u);
}

BOOST_AUTO_TEST_CASE(seeds_and_epochs_give_different_orders) {
  std::map<std::vector<std::uint64_t>, int> orders;
  for (std::uint64_t seed = 0; seed < 40; ++seed)
    for (std::uint64_t epoch = 0; epoch < 40; ++epoch) ++orders[order(30, seed, epoch)];
  BOOST_TEST(orders.size() == 1600u);
}

BOOST_DATA_TEST_CASE(every_element_is_as_likely_at_any_position, data::make({3u, 10u, 16u, 100u, 257u}), count) {
  for (const std::uint64_t position : {0u, 1u, count - 1}) {
    std::vector<std::uint64_t> by_seed(count), by_epoch(count);
    for (std::uint64_t i = 0; i < 1000 * count; ++i) {
      ++by_seed[io::Permutation(count, i, 0)(position)];
      ++by_epoch[io::Permutation(count, 0, i)(position)];
    }
    BOOST_TEST(std::abs(deviation(by_seed)) < 5);
    BOOST_TEST(std::abs(deviation(by_epoch)) < 5);
  }
}

BOOST_DATA_TEST_CASE(every_pair_is_as_likely_at_any_two_positions, data::make({5u, 7u, 12u, 17u}), count) {
  for (const std::uint64_t second : {1u, count / 2, count - 1}) {
    std::vector<std::uint64_t> pairs(count * (count - 1));
    for (std::uint64_t seed = 0; seed < 500 * pairs.size(); ++seed) {
      const io::Permutation permutation(count, seed, 1);
      const std::uint64_t a = permutation(0), b = permutation(second);
      ++pairs[a * (count - 1) + b - (b > a ? 1 : 0)];
    }
    BOOST_TEST(std::abs(deviation(pairs)) < 5);
  }
}

BOOST_DATA_TEST_CASE(all_orders_of_few_elements_are_equally_likely, data::make({2u, 3u, 4u, 5u}), count) {
  std::map<std::vector<std::uint64_t>, std::uint64_t> orders;
  std::vector<std::uint64_t> elements(count);
  for (std::uint64_t i = 0; i < count; ++i) elements[i] = i;
  do orders[elements] = 0;
  while (std::next_permutation(elements.begin(), elements.end()));
  for (std::uint64_t seed = 0; seed < 1000 * orders.size(); ++seed) ++orders[order(count, seed, 0)];
  std::vector<std::uint64_t> counts;
  for (const auto& [elements_in_order, times] : orders) counts.push_back(times);
  BOOST_TEST(std::abs(deviation(counts)) < 5);
  // Each within five standard deviations: 1,000 times, give or take 158.
  for (const std::uint64_t times : counts) BOOST_TEST(std::abs(static_cast<double>(times) - 1000) < 158);
}

BOOST_AUTO_TEST_CASE(neighbours_part) {
  // In a random order of a million, a fixed few of neighbouring elements stay neighbours: 2 on average.
  const io::Permutation permutation(1'000'000, 9, 9);
  int neighbours = 0;
  for (std::uint64_t i = 1; i < 1'000'000; ++i) {
    const std::uint64_t a = permutation(i - 1), b = permutation(i);
    neighbours += a + 1 == b || b + 1 == a;
  }
  BOOST_TEST(neighbours < 12);
}

BOOST_AUTO_TEST_SUITE_END()
