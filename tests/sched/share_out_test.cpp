#include "sched/share_out.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

#include "tests/support/run_on_cores.hpp"

namespace {

using tests::run_on;
using tests::some_cores;

/// Computes, as far as an executor can tell, until all parts do.
void meet(std::atomic<std::size_t>& begun, std::atomic<std::size_t>& met, std::size_t count) {
  ++begun;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (begun.load() < count && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  if (begun.load() == count) ++met;
}

void fail_on_the_last(std::size_t core, std::size_t cores_count) {
  if (core + 1 == cores_count) throw std::runtime_error("the last one");
}

sched::task<void> share_meeting(sched::Cores& cores, std::atomic<std::size_t>& met) {
  std::atomic<std::size_t> begun = 0;
  const auto part = [&](std::size_t, std::size_t cores_count) { meet(begun, met, cores_count); };
  co_await sched::share_out(cores, cores.count(), part);
}

sched::task<void> share_one(sched::Cores& cores, std::set<std::size_t>& seen) {
  const auto part = [&](std::size_t core, std::size_t) { seen.insert(core); };
  co_await sched::share_out(cores, 1, part);
}

sched::task<void> share_failing(sched::Cores& cores) {
  const auto part = [](std::size_t core, std::size_t cores_count) { fail_on_the_last(core, cores_count); };
  co_await sched::share_out(cores, cores.count(), part);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(share_out)

BOOST_AUTO_TEST_CASE(all_parts_run_at_the_same_time) {
  sched::Cores cores(some_cores(3), [] {});
  std::atomic<std::size_t> met = 0;
  run_on(cores, share_meeting(cores, met));
  BOOST_TEST(met.load() == cores.count());
}

BOOST_AUTO_TEST_CASE(one_part_alone_runs_where_the_caller_does) {
  sched::Cores cores(some_cores(2), [] {});
  std::set<std::size_t> seen;
  run_on(cores, share_one(cores, seen));
  BOOST_TEST((seen == std::set<std::size_t>{0}));
}

BOOST_AUTO_TEST_CASE(the_failure_of_a_part_is_the_callers) {
  sched::Cores cores(some_cores(3), [] {});
  BOOST_CHECK_THROW(run_on(cores, share_failing(cores)), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
