#include "sched/trace.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "tests/support/temporary_folder.hpp"

namespace {

std::string written(const sched::Trace& trace) {
  tests::TemporaryFolder folder;
  const std::string path = (folder.path() / "trace.json").string();
  trace.write(path);
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trace)

BOOST_AUTO_TEST_CASE(a_row_keeps_the_latest_events_and_no_more) {
  sched::Trace trace(8);
  sched::TraceRow& row = trace.add_row("a \"row\"");
  for (std::uint64_t i = 0; i < 100; ++i) row.counter(i < 92 ? "early" : "late", i);
  const std::string text = written(trace);
  BOOST_TEST(count(text, "early") == 0u);
  BOOST_TEST(count(text, "late") == 8u);
  BOOST_TEST(count(text, "\"count\": 92}}") == 2u);  // forgotten, and the first one kept
  BOOST_TEST(count(text, "a \\\"row\\\"") == 1u);
}

BOOST_AUTO_TEST_CASE(spans_that_follow_each_other_become_one) {
  sched::Trace trace(8);
  sched::TraceRow& row = trace.add_row("row");
  const std::uint64_t now = sched::now_ns();
  row.span("tokenize", nullptr, now, now + 100);
  row.span("tokenize", nullptr, now + 200, now + 300);
  row.span("tokenize", nullptr, now + 5000, now + 6000);
  row.span("pack", nullptr, now + 6000, now + 6100);
  BOOST_TEST(count(written(trace), "\"tokenize\"") == 2u);
}

BOOST_AUTO_TEST_CASE(threads_write_to_their_own_rows) {
  sched::Trace trace(1000);
  sched::TraceRow& here = trace.add_row("here");
  sched::TraceRow& there = trace.add_row("there");
  sched::trace_row = &here;
  std::thread other([&there] {
    sched::trace_row = &there;
    for (int i = 0; i < 100; ++i) sched::trace_counter("of the other", 1);
  });
  for (int i = 0; i < 100; ++i) sched::trace_counter("of this one", 1);
  other.join();
  sched::trace_row = nullptr;
  sched::trace_counter("of nobody", 1);
  const std::string text = written(trace);
  BOOST_TEST(count(text, "of the other") == 100u);
  BOOST_TEST(count(text, "of this one") == 100u);
  BOOST_TEST(count(text, "of nobody") == 0u);
}

BOOST_AUTO_TEST_CASE(a_trace_that_cannot_be_written_says_where) {
  const sched::Trace trace(8);
  BOOST_CHECK_EXCEPTION(trace.write("/proc/none/trace.json"), std::system_error, [](const std::system_error& error) {
    return std::string(error.what()).find("/proc/none/trace.json") != std::string::npos;
  });
}

BOOST_AUTO_TEST_SUITE_END()
