#include "sched/gate.hpp"

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <stdexcept>

#include "sched/cores.hpp"
#include "sched/scope.hpp"
#include "tests/support/run_on_cores.hpp"

namespace {

using tests::run_on;
using tests::some_cores;

sched::task<void> pass(sched::Gate& gate, std::uint64_t step) {
  sched::Gate::Passing passing(gate, step);
  co_await passing.wait();
  passing.result();
}

sched::task<void> pass_each(sched::Gate& gate, std::uint64_t steps_count, const std::atomic<std::uint64_t>& opened,
                            std::atomic<std::uint64_t>& passed, std::atomic<int>& early) {
  for (std::uint64_t step = 1; step <= steps_count; ++step) {
    co_await pass(gate, step);
    if (opened.load() < step) ++early;
    passed.store(step);
  }
}

/// Opens step after step: some before anybody waits, some just then, some later.
sched::task<void> open_each(sched::Cores& cores, sched::Gate& gate, std::uint64_t steps_count,
                            std::atomic<std::uint64_t>& opened, const std::atomic<std::uint64_t>& passed) {
  for (std::uint64_t step = 1; step <= steps_count; ++step) {
    for (std::uint64_t turns = step % 7; turns > 0; --turns) co_await asio::post(cores.of(0), asio::use_awaitable);
    opened.store(step);
    gate.open(step);
    while (step % 3 == 0 && passed.load() < step) co_await asio::post(cores.of(0), asio::use_awaitable);
  }
}

sched::task<void> open_and_pass(sched::Cores& cores, std::uint64_t steps_count, std::atomic<int>& early) {
  sched::Gate gate;
  std::atomic<std::uint64_t> opened{0}, passed{0};
  sched::Scope scope(cores.control());
  co_await scope.open();
  scope.spawn(cores.of(1), pass_each(gate, steps_count, opened, passed, early));
  scope.spawn(cores.control(), open_each(cores, gate, steps_count, opened, passed));
  co_await scope.join();
}

sched::task<void> give_up_after_some_turns(sched::Cores& cores) {
  for (int turn = 0; turn < 100; ++turn) co_await asio::post(cores.of(0), asio::use_awaitable);
  throw std::runtime_error("the cause");
}

sched::task<void> stop_one_who_waits(sched::Cores& cores, sched::Gate& gate) {
  sched::Scope scope(cores.control());
  co_await scope.open();
  scope.spawn(cores.of(1), pass(gate, 2));
  scope.spawn(cores.control(), give_up_after_some_turns(cores));
  gate.open(1);
  co_await scope.join();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gate)

BOOST_AUTO_TEST_CASE(nobody_passes_before_the_opening_and_everybody_after_it) {
  sched::Cores cores(some_cores(2), [] {});
  std::atomic<int> early{0};
  run_on(cores, open_and_pass(cores, 200'000, early));
  BOOST_TEST(early.load() == 0);
}

BOOST_AUTO_TEST_CASE(one_who_waits_for_a_later_step_is_stopped_there) {
  sched::Cores cores(some_cores(2), [] {});
  sched::Gate gate;
  BOOST_CHECK_THROW(run_on(cores, stop_one_who_waits(cores, gate)), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
