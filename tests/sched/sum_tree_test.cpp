#include "sched/sum_tree.hpp"

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

/// A sum as text: the brackets show how it was associated.
struct Text {
  std::string text;
};

Text* join(Text* left, Text* right) {
  left->text = "(" + left->text + "+" + right->text + ")";
  return left;
}

/// The one with the lower leaves on the left.
Text* join_in_order(Text* a, Text* b) {
  const auto first_leaf = [](const Text* sum) {
    return std::stoul(sum->text.substr(sum->text.find_first_not_of('(')));
  };
  return first_leaf(a) < first_leaf(b) ? join(a, b) : join(b, a);
}

/// The sum of leaves 0..present-1 arriving in `order` at a tree over `leaves`.
std::string sum(std::size_t leaves, std::size_t present, const std::vector<std::size_t>& order) {
  sched::SumTree tree(leaves);
  std::vector<Text> values(present);
  std::string result = "no root";
  for (const std::size_t leaf : order) {
    values[leaf].text = std::to_string(leaf);
    sched::Row<Text> rest;
    if (tree.arrive(leaf, present, &values[leaf], join, rest)) {
      BOOST_TEST(result == "no root");
      result = sched::fold(rest, join)->text;
    }
  }
  return result;
}

std::vector<std::size_t> in_order(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

/// The design's words, as a recursion over the block structure, independent of SumTree.
std::string expected(std::vector<std::string> values) {
  const auto split = [](auto&& self, const std::vector<std::string>& block) -> std::string {
    if (block.size() == 1) return block[0];
    std::size_t left = 1;
    while (left * 2 < block.size()) left *= 2;
    const auto middle = block.begin() + static_cast<std::ptrdiff_t>(left);
    return "(" + self(self, {block.begin(), middle}) + "+" + self(self, {middle, block.end()}) + ")";
  };
  while (values.size() > 1) {
    std::vector<std::string> above;
    for (std::size_t first = 0; first < values.size(); first += 12) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(first);
      const auto end = values.begin() + static_cast<std::ptrdiff_t>(std::min(first + 12, values.size()));
      above.push_back(split(split, {begin, end}));
    }
    values = above;
  }
  return values[0];
}

std::string expected(std::size_t count) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(std::to_string(i));
  return expected(values);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sum_tree)

BOOST_AUTO_TEST_CASE(twelve_split_at_eight_and_four) {
  BOOST_TEST(sum(12, 12, in_order(12)) == "((((0+1)+(2+3))+((4+5)+(6+7)))+((8+9)+(10+11)))");
}

const std::vector<std::size_t> counts = {1, 2, 3, 5, 7, 11, 12, 13, 24, 25, 100, 143, 144, 145, 300, 1727, 1728, 1729};

BOOST_DATA_TEST_CASE(the_association_is_the_design_s, boost::unit_test::data::make(counts), count) {
  BOOST_TEST(sum(count, count, in_order(count)) == expected(count));
}

BOOST_DATA_TEST_CASE(the_order_of_arrival_does_not_matter, boost::unit_test::data::make(counts), count) {
  std::mt19937_64 random(count);
  std::vector<std::size_t> order = in_order(count);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    BOOST_TEST(sum(count, count, order) == expected(count));
  }
}

BOOST_DATA_TEST_CASE(absent_leaves_contribute_nothing, boost::unit_test::data::make(counts), count) {
  for (const std::size_t present : {count, (count + 1) / 2, std::size_t{1}, count - count / 12})
    BOOST_TEST(sum(count, present, in_order(present)) == expected(present));
}

BOOST_AUTO_TEST_CASE(a_tree_serves_step_after_step) {
  sched::SumTree tree(12);
  for (int step = 0; step < 3; ++step) {
    std::vector<Text> values(12);
    sched::Row<Text> rest;
    bool is_whole = false;
    for (std::size_t leaf = 12; leaf-- > 0;) {
      values[leaf].text = std::to_string(leaf);
      is_whole = tree.arrive(leaf, 12, &values[leaf], join, rest);
    }
    BOOST_REQUIRE(is_whole);
    BOOST_TEST(sched::fold(rest, join)->text == expected(12));
  }
}

BOOST_AUTO_TEST_CASE(the_last_leaf_combines_nothing_and_leaves_its_way_to_the_root) {
  // Rows hold what the 12 nodes of 1,728 leaves leave but for one value, and the 4 of 12 leaves.
  for (const auto& [leaves, additions_of_the_last] : {std::pair{12u, 0u}, std::pair{144u, 0u}, std::pair{1728u, 1u}}) {
    for (std::size_t last = 0; last < leaves; last += 5) {
      sched::SumTree tree(leaves);
      std::vector<Text> values(leaves);
      sched::Row<Text> rest;
      std::size_t additions = 0;
      const auto counting_join = [&](Text* left, Text* right) {
        ++additions;
        return join(left, right);
      };
      for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
        values[leaf].text = std::to_string(leaf);
        if (leaf != last) BOOST_REQUIRE(!tree.arrive(leaf, leaves, &values[leaf], counting_join, rest));
      }
      additions = 0;
      BOOST_REQUIRE(tree.arrive(last, leaves, &values[last], counting_join, rest));
      BOOST_TEST(additions <= additions_of_the_last);
      BOOST_TEST((rest.association == sched::Association::chain));
      BOOST_TEST(sched::fold(rest, join)->text == expected(leaves));
    }
  }
}

BOOST_DATA_TEST_CASE(a_value_that_waits_may_be_added_to_before_its_leaf_arrives, boost::unit_test::data::make(counts),
                     count) {
  std::mt19937_64 random(count);
  for (const std::size_t present : {count, (count + 1) / 2}) {
    sched::SumTree tree(count);
    std::vector<std::size_t> order = in_order(present);
    for (int step = 0; step < 4; ++step) {
      if (step > 0) std::shuffle(order.begin(), order.end(), random);
      std::vector<Text> values(present);
      sched::Row<Text> rest;
      std::size_t added = 0, combined = 0, roots = 0;
      const auto counting_join = [&](Text* left, Text* right) {
        ++combined;
        return join(left, right);
      };
      for (const std::size_t leaf : order) {
        values[leaf].text = std::to_string(leaf);
        if (Text* const waiting = tree.take_waiting<Text>(leaf); waiting != nullptr) {
          ++added;
          Text* const both = join_in_order(waiting, &values[leaf]);
          roots += tree.arrive_added(leaf, present, both, counting_join, rest) ? 1 : 0;
        } else {
          roots += tree.arrive(leaf, present, &values[leaf], counting_join, rest) ? 1 : 0;
        }
      }
      BOOST_TEST(roots == 1u);
      BOOST_TEST(added + combined + rest.count == present);
      if (present > 1) BOOST_TEST(added > 0u);
      BOOST_TEST(sched::fold(rest, join)->text == expected(present));
    }
  }
}

BOOST_AUTO_TEST_CASE(depth_is_the_longest_way_to_the_root) {
  BOOST_TEST(sched::SumTree(1).depth() == 0u);
  BOOST_TEST(sched::SumTree(2).depth() == 1u);
  BOOST_TEST(sched::SumTree(12).depth() == 4u);
  BOOST_TEST(sched::SumTree(144).depth() == 8u);
  BOOST_TEST(sched::SumTree(1728).depth() == 12u);
}

BOOST_AUTO_TEST_CASE(threads_that_race_give_the_same_association) {
  constexpr std::size_t leaves = 144;
  for (int round = 0; round < 50; ++round) {
    sched::SumTree tree(leaves);
    std::vector<Text> values(leaves);
    for (std::size_t leaf = 0; leaf < leaves; ++leaf) values[leaf].text = std::to_string(leaf);
    std::atomic<std::size_t> next{0};
    std::atomic<int> roots{0};
    sched::Row<Text> whole;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (std::size_t leaf = next++; leaf < leaves; leaf = next++) {
          Text* const waiting = round % 2 == 0 ? tree.take_waiting<Text>(leaf) : nullptr;
          const bool is_root =
              waiting == nullptr ? tree.arrive(leaf, leaves, &values[leaf], join, whole)
                                 : tree.arrive_added(leaf, leaves, join_in_order(waiting, &values[leaf]), join, whole);
          if (is_root) ++roots;
        }
      });
    for (std::thread& thread : threads) thread.join();
    BOOST_REQUIRE_EQUAL(roots.load(), 1);
    BOOST_TEST(sched::fold(whole, join)->text == expected(leaves));
  }
}

BOOST_AUTO_TEST_SUITE_END()
