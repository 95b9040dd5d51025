#include "pipeline/plan.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <vector>

namespace {

using pipeline::Plan;

std::vector<std::size_t> epoch(Plan& plan, std::size_t count, std::uint64_t number) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < count; ++i) order.push_back(plan.source_at(number * count + i));
  return order;
}

std::vector<io::Source> sources(std::size_t count) {
  std::vector<io::Source> list;
  for (std::size_t i = 0; i < count; ++i) list.push_back({"corpus/" + std::to_string(i), std::to_string(i), 1});
  return list;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plan)

BOOST_AUTO_TEST_CASE(each_epoch_is_a_permutation_of_its_own) {
  constexpr std::size_t count = 233;
  Plan plan(count, Plan::Shuffle::global, 7, 0);
  std::vector<std::vector<std::size_t>> epochs;
  for (std::uint64_t number = 0; number < 5; ++number) {
    auto order = epoch(plan, count, number);
    BOOST_TEST((std::find(epochs.begin(), epochs.end(), order) == epochs.end()));
    epochs.push_back(order);
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < count; ++i) BOOST_REQUIRE_EQUAL(order[i], i);
  }
}

BOOST_AUTO_TEST_CASE(the_order_is_the_seed_s_and_nothing_else_s) {
  Plan one(100, Plan::Shuffle::global, 7, 0), same(100, Plan::Shuffle::global, 7, 3),
      other(100, Plan::Shuffle::global, 8, 0);
  BOOST_TEST(epoch(one, 100, 2) == epoch(same, 100, 2), boost::test_tools::per_element());
  BOOST_TEST((epoch(one, 100, 2) != epoch(other, 100, 2)));
}

BOOST_AUTO_TEST_CASE(positions_can_be_asked_for_in_any_order) {
  Plan forward(50, Plan::Shuffle::global, 1, 0), backward(50, Plan::Shuffle::global, 1, 0);
  std::vector<std::size_t> first, second;
  for (std::uint64_t i = 0; i < 500; ++i) first.push_back(forward.source_at(i));
  for (std::uint64_t i = 500; i-- > 0;) second.push_back(backward.source_at(i));
  std::reverse(second.begin(), second.end());
  BOOST_TEST(first == second, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_place_is_equally_likely_for_a_document) {
  // 10 documents over 2,000 epochs: each place expects 200, deviation 13.4; 6 of them is far beyond chance.
  Plan plan(10, Plan::Shuffle::global, 3, 0);
  std::vector<std::vector<int>> counts(10, std::vector<int>(10));
  for (std::uint64_t number = 0; number < 2000; ++number) {
    const auto order = epoch(plan, 10, number);
    for (std::size_t place = 0; place < 10; ++place) ++counts[order[place]][place];
  }
  for (const auto& row : counts)
    for (const int count : row) BOOST_TEST(std::abs(count - 200) < 80);
}

BOOST_AUTO_TEST_CASE(without_shuffling_documents_come_as_they_were_found) {
  Plan plan(5, Plan::Shuffle::none, 7, 2);
  BOOST_TEST(epoch(plan, 5, 1) == (std::vector<std::size_t>{0, 1, 2, 3, 4}), boost::test_tools::per_element());
  BOOST_TEST(plan.source_at(10) == Plan::end);
}

BOOST_AUTO_TEST_CASE(a_split_is_stable_when_files_are_added) {
  const auto small = pipeline::split_corpus(sources(500), 0.1), large = pipeline::split_corpus(sources(1000), 0.1);
  BOOST_TEST(small.validation.size() + small.training.size() == 500u);
  BOOST_TEST(large.validation.size() > 60u);
  BOOST_TEST(large.validation.size() < 140u);
  for (const auto& source : small.validation)
    BOOST_TEST(std::any_of(large.validation.begin(), large.validation.end(),
                           [&](const auto& other) { return other.origin == source.origin; }));
}

BOOST_AUTO_TEST_CASE(where_one_side_would_be_empty_all_is_trained_on) {
  BOOST_TEST(pipeline::split_corpus(sources(3), 0).training.size() == 3u);
  BOOST_TEST(pipeline::split_corpus(sources(3), 1).training.size() == 3u);
  BOOST_TEST(pipeline::split_corpus(sources(3), 1).validation.empty());
}

BOOST_AUTO_TEST_SUITE_END()
