#include "pipeline/order.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/io/files_help.hpp"

namespace {

using pipeline::FileOrder;
using pipeline::Selection;

std::vector<io::Source> sources(std::size_t count) {
  std::vector<io::Source> list;
  for (std::size_t i = 0; i < count; ++i) list.push_back({"corpus/" + std::to_string(i), std::to_string(i), 1});
  return list;
}

std::vector<const io::Source*> all(const std::vector<io::Source>& list) {
  return pipeline::select_files(list, {});
}

sched::task<void> collect(FileOrder& order, std::size_t count, std::vector<std::string>& names) {
  io::Stretch stretch;
  while (names.size() < count) {
    const bool more = co_await order.next(stretch);
    if (!more) co_return;
    names.push_back(stretch.source == nullptr ? "end" : stretch.source->origin);
  }
}

/// The origins that an order gives, "end" for the end of an epoch.
std::vector<std::string> names(const std::vector<const io::Source*>& files, const FileOrder::Shape& shape,
                               std::size_t count, std::uint64_t start = 0) {
  FileOrder order(files, shape, {start, 0, {}});
  std::vector<std::string> found;
  const auto executor = io::make_files({io::FilesKind::threads});
  files_help::finish(*executor, collect(order, count, found));
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(order)

BOOST_AUTO_TEST_CASE(each_epoch_is_a_permutation_of_its_own) {
  const auto list = sources(233);
  const auto files = all(list);
  const auto found = names(files, {true, 7, 3}, 10000);
  BOOST_REQUIRE_EQUAL(found.size(), 3 * 234u);
  std::vector<std::vector<std::string>> epochs;
  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<std::string> one(found.begin() + 234 * epoch, found.begin() + 234 * epoch + 233);
    BOOST_TEST(found[234 * epoch + 233] == "end");
    BOOST_TEST((std::find(epochs.begin(), epochs.end(), one) == epochs.end()));
    epochs.push_back(one);
    std::sort(one.begin(), one.end());
    BOOST_TEST((std::unique(one.begin(), one.end()) == one.end()));
  }
}

BOOST_AUTO_TEST_CASE(the_order_is_the_seed_s_and_nothing_else_s) {
  const auto list = sources(100);
  const auto files = all(list);
  BOOST_TEST(names(files, {true, 7, 3}, 300) == names(files, {true, 7, 9}, 300), boost::test_tools::per_element());
  BOOST_TEST((names(files, {true, 7, 3}, 300) != names(files, {true, 8, 3}, 300)));
}

BOOST_AUTO_TEST_CASE(it_can_be_entered_anywhere) {
  const auto list = sources(20);
  const auto files = all(list);
  const auto whole = names(files, {true, 1, 3}, 63);
  for (std::size_t start = 0; start < 63; ++start) {
    const std::vector<std::string> rest(whole.begin() + start, whole.end());
    BOOST_TEST(names(files, {true, 1, 3}, 100, start) == rest, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(streams_share_the_files_of_an_epoch) {
  const auto list = sources(10);
  const auto files = all(list);
  std::vector<std::string> together;
  for (std::size_t stream = 0; stream < 4; ++stream) {
    const auto found = names(files, {true, 5, 1, 4, stream}, 100);
    BOOST_TEST(found.back() == "end");
    together.insert(together.end(), found.begin(), found.end() - 1);
  }
  std::sort(together.begin(), together.end());
  BOOST_TEST(together == (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}),
             boost::test_tools::per_element());
  BOOST_TEST(names(all(sources(2)), {true, 5, 1, 4, 3}, 100) == (std::vector<std::string>{"end"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_shuffling_files_come_as_they_were_found) {
  const auto list = sources(3);
  BOOST_TEST(
      names(all(list), {false, 7, 2}, 100) == (std::vector<std::string>{"0", "1", "2", "end", "0", "1", "2", "end"}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_held_out_stays_so_when_files_are_added) {
  const Selection held_out{Selection::Side::validation, 0.1}, training{Selection::Side::training, 0.1};
  const auto small = sources(500), large = sources(1000);
  const auto from_small = pipeline::select_files(small, held_out), from_large = pipeline::select_files(large, held_out);
  BOOST_TEST(from_small.size() + pipeline::select_files(small, training).size() == 500u);
  BOOST_TEST(from_large.size() > 60u);
  BOOST_TEST(from_large.size() < 140u);
  for (const io::Source* source : from_small)
    BOOST_TEST(std::any_of(from_large.begin(), from_large.end(),
                           [&](const io::Source* other) { return other->origin == source->origin; }));
}

BOOST_AUTO_TEST_CASE(a_record_is_held_out_or_trained_on_and_files_of_records_are_read_for_both) {
  io::Source file{"corpus/a.jsonl", "a.jsonl", 100000, io::Format::json_lines};
  const Selection held_out{Selection::Side::validation, 0.2}, training{Selection::Side::training, 0.2};
  BOOST_TEST(held_out.takes_file(file));
  BOOST_TEST(training.takes_file(file));
  int held_out_count = 0;
  for (std::uint64_t offset = 0; offset < 100000; offset += 50) {
    BOOST_TEST(held_out.takes_record(file, offset) != training.takes_record(file, offset));
    held_out_count += held_out.takes_record(file, offset) ? 1 : 0;
  }
  BOOST_TEST(std::abs(held_out_count - 400) < 90);
}

BOOST_AUTO_TEST_SUITE_END()
