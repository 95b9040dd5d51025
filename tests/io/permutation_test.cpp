#include "io/permutation.hpp"

#include <rapidcheck.h>
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>
#include <vector>

namespace {

std::vector<std::uint64_t> listed(std::uint64_t count, std::uint64_t seed, std::uint64_t epoch) {
  const io::Permutation permutation(count, seed, epoch);
  std::vector<std::uint64_t> list;
  for (std::uint64_t i = 0; i < count; ++i) list.push_back(permutation(i));
  return list;
}

bool is_permutation_of_all(std::vector<std::uint64_t> list) {
  std::sort(list.begin(), list.end());
  for (std::uint64_t i = 0; i < list.size(); ++i)
    if (list[i] != i) return false;
  return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(permutation)

BOOST_AUTO_TEST_CASE(every_element_comes_once) {
  for (std::uint64_t count = 0; count < 500; ++count) BOOST_TEST(is_permutation_of_all(listed(count, count, 1)));
  for (const std::uint64_t count : {65536u, 65537u, 65539u, 262144u, 262145u, 1'000'003u})
    BOOST_TEST(is_permutation_of_all(listed(count, 7, count)));
}

BOOST_AUTO_TEST_CASE(seeds_and_epochs_have_orders_of_their_own) {
  for (const std::uint64_t count : {100u, 70000u}) {
    BOOST_TEST((listed(count, 1, 1) == listed(count, 1, 1)));
    BOOST_TEST((listed(count, 1, 1) != listed(count, 1, 2)));
    BOOST_TEST((listed(count, 1, 1) != listed(count, 2, 1)));
  }
}

BOOST_AUTO_TEST_CASE(orders_are_fixed_for_ever) {
  const std::vector<std::uint64_t> small = listed(8, 42, 0);
  BOOST_TEST(small == (std::vector<std::uint64_t>{5, 6, 0, 2, 3, 7, 4, 1}), boost::test_tools::per_element());
  const io::Permutation large(1'000'000'007, 42, 3);
  const std::vector<std::uint64_t> first = {large(0), large(1), large(2), large(3)};
  BOOST_TEST(first == (std::vector<std::uint64_t>{409398649, 8880664, 836342845, 754953833}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(all_orders_of_a_few_are_equally_likely) {
  // 24,000 seeds over the 24 orders of 4: chi-square of 23 degrees is below 55 but for one time in 5,000.
  std::map<std::vector<std::uint64_t>, int> counts;
  for (std::uint64_t seed = 0; seed < 24000; ++seed) ++counts[listed(4, seed, 0)];
  BOOST_TEST(counts.size() == 24u);
  double chi_square = 0;
  for (const auto& [order, count] : counts) chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  BOOST_TEST(chi_square < 55);
}

BOOST_AUTO_TEST_CASE(in_a_large_one_every_place_is_equally_likely) {
  // The places of one element over 8,000 seeds, in 16 parts: chi-square of 15 degrees is below 42 but for one in 5,000.
  std::vector<int> counts(16);
  for (std::uint64_t seed = 0; seed < 8000; ++seed) ++counts[io::Permutation(100'000, seed, 0)(17) / 6250];
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - 500.0) * (count - 500.0) / 500.0;
  BOOST_TEST(chi_square < 42);
}

BOOST_AUTO_TEST_CASE(values_of_the_largest_are_in_range) {
  rc::check([](std::uint64_t seed, std::uint64_t number) {
    const std::uint64_t count = (std::uint64_t{1} << 62) - seed % 1000;
    RC_ASSERT(io::Permutation(count, seed, 0)(number % count) < count);
  });
}

BOOST_AUTO_TEST_SUITE_END()
