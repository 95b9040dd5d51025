#include "compute/tree_sum.hpp"

#include <bit>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "compute/adamw.hpp"

namespace {

using Rows = std::vector<std::vector<float>>;

/// Numbers of very different sizes, so that another association has other bits.
Rows random_rows(std::size_t rows_count, std::size_t floats_count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Rows rows(rows_count, std::vector<float>(floats_count));
  for (auto& row : rows)
    for (float& x : row) x = std::ldexp(normal(random), static_cast<int>(random() % 20));
  return rows;
}

/// As the sum tree adds in lean memory: two by two, through compute::add.
std::vector<float> pairwise(Rows rows, std::size_t first, std::size_t count) {
  if (count == 1) return rows[first];
  const std::size_t left = std::bit_floor(count - 1);
  std::vector<float> sum = pairwise(rows, first, left);
  const std::vector<float> right = pairwise(rows, first + left, count - left);
  compute::add(sum, sum, right);
  return sum;
}

std::vector<float> in_turn(const Rows& rows) {
  std::vector<float> sum = rows[0];
  for (std::size_t row = 1; row < rows.size(); ++row) compute::add(sum, sum, rows[row]);
  return sum;
}

std::vector<const float*> pointers_of(const Rows& rows) {
  std::vector<const float*> pointers;
  for (const auto& row : rows) pointers.push_back(row.data());
  return pointers;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tree_sum)

BOOST_DATA_TEST_CASE(one_pass_has_the_bits_of_adding_two_by_two, boost::unit_test::data::xrange(1, 13), count) {
  const auto rows_count = static_cast<std::size_t>(count);
  for (const std::size_t floats_count : {1u, 7u, 16u, 100u, 5000u}) {
    Rows rows = random_rows(rows_count, floats_count, 7);
    const std::vector<float> expected = pairwise(rows, 0, rows_count);
    const std::vector<const float*> pointers = pointers_of(rows);
    std::vector<float> plain(floats_count);
    compute::plain::tree_sum(plain, pointers);
    BOOST_TEST(same_bits(plain, expected));
    compute::tree_sum(rows[0], pointers);  // in place, as a sphere adds
    BOOST_TEST(same_bits(rows[0], expected));
  }
}

BOOST_DATA_TEST_CASE(a_chain_in_one_pass_has_the_bits_of_adding_in_turn, boost::unit_test::data::xrange(1, 13), count) {
  for (const std::size_t floats_count : {1u, 7u, 16u, 100u, 5000u}) {
    Rows rows = random_rows(static_cast<std::size_t>(count), floats_count, 5);
    const std::vector<float> expected = in_turn(rows);
    const std::vector<const float*> pointers = pointers_of(rows);
    std::vector<float> plain(floats_count);
    compute::plain::chain_sum(plain, pointers);
    BOOST_TEST(same_bits(plain, expected));
    compute::chain_sum(rows[0], pointers);
    BOOST_TEST(same_bits(rows[0], expected));
  }
}

BOOST_AUTO_TEST_CASE(another_association_would_show) {
  const Rows rows = random_rows(12, 1000, 3);
  BOOST_TEST(!same_bits(in_turn(rows), pairwise(rows, 0, 12)));
}

BOOST_AUTO_TEST_SUITE_END()
