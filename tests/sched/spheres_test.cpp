#include "sched/spheres.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "sched/sum_tree.hpp"

namespace {

/// A sum as text: the brackets show how it was associated.
struct Text {
  std::string text;
};

Text* join(Text* left, Text* right) {
  left->text = "(" + left->text + "+" + right->text + ")";
  return left;
}

Text* join_row(const sched::Row<Text>& row) {
  return sched::fold(row, join);
}

/// The same sum by the tree that adds two by two.
std::string expected(std::size_t leaves, std::size_t present) {
  sched::SumTree tree(leaves);
  std::vector<Text> values(present);
  for (std::size_t leaf = 0; leaf < present; ++leaf) {
    values[leaf].text = std::to_string(leaf);
    sched::Row<Text> rest;
    if (tree.arrive(leaf, present, &values[leaf], join, rest)) return sched::fold(rest, join)->text;
  }
  return "no root";
}

std::vector<std::size_t> shuffled(std::size_t count, std::mt19937_64& random) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

const std::vector<std::size_t> counts = {1, 2, 3, 5, 11, 12, 13, 24, 25, 100, 143, 144, 145, 300, 1727, 1728, 1729};

}  // namespace

BOOST_AUTO_TEST_SUITE(spheres)

BOOST_AUTO_TEST_CASE(levels_are_powers_of_twelve) {
  BOOST_TEST(sched::Spheres<Text>(1).levels_count() == 1u);
  BOOST_TEST(sched::Spheres<Text>(12).levels_count() == 1u);
  BOOST_TEST(sched::Spheres<Text>(13).levels_count() == 2u);
  BOOST_TEST(sched::Spheres<Text>(144).levels_count() == 2u);
  BOOST_TEST(sched::Spheres<Text>(144).count() == 13u);
  BOOST_TEST(sched::Spheres<Text>(1728).levels_count() == 3u);
  BOOST_TEST(sched::Spheres<Text>(1728).count() == 157u);
}

BOOST_DATA_TEST_CASE(rows_are_associated_as_the_sum_tree, boost::unit_test::data::make(counts), count) {
  std::mt19937_64 random(count);
  for (const std::size_t present : {count, (count + 1) / 2, std::size_t{1}, count - count / 12}) {
    sched::Spheres<Text> spheres(count);
    const std::string wanted = expected(count, present);
    for (int step = 0; step < 3; ++step) {
      std::vector<Text> values(present);
      std::size_t roots = 0;
      for (const std::size_t leaf : shuffled(present, random)) {
        values[leaf].text = std::to_string(leaf);
        const sched::Row<Text>* const row = spheres.arrive(leaf, present, &values[leaf], join_row);
        if (row == nullptr) continue;
        ++roots;
        BOOST_TEST(join_row(*row)->text == wanted);
      }
      BOOST_TEST(roots == 1u);
    }
  }
}

BOOST_AUTO_TEST_CASE(threads_that_race_give_the_same_association) {
  constexpr std::size_t leaves = 145;
  const std::string wanted = expected(leaves, leaves);
  for (int round = 0; round < 50; ++round) {
    sched::Spheres<Text> spheres(leaves);
    std::vector<Text> values(leaves);
    for (std::size_t leaf = 0; leaf < leaves; ++leaf) values[leaf].text = std::to_string(leaf);
    std::atomic<std::size_t> next{0};
    std::atomic<const sched::Row<Text>*> root{nullptr};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (std::size_t leaf = next++; leaf < leaves; leaf = next++)
          if (const auto* const row = spheres.arrive(leaf, leaves, &values[leaf], join_row)) root = row;
      });
    for (std::thread& thread : threads) thread.join();
    BOOST_REQUIRE(root.load() != nullptr);
    BOOST_TEST(join_row(*root.load())->text == wanted);
  }
}

BOOST_AUTO_TEST_SUITE_END()
