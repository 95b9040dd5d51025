#include "sched/scope.hpp"

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <string>

#include "sched/channel.hpp"
#include "sched/cores.hpp"
#include "tests/support/run_on_cores.hpp"

namespace {

using tests::run_on;
using tests::some_cores;

sched::task<void> count_up(std::atomic<int>& count) {
  ++count;
  co_return;
}

sched::task<void> fail(std::string reason) {
  throw std::runtime_error(reason);
  co_return;
}

/// Waits for what never comes, and counts that it was stopped.
sched::task<void> wait_for_ever(sched::Channel<int>& never, std::atomic<int>& stopped) {
  try {
    co_await never.receive();
  } catch (const std::system_error&) {
    ++stopped;
    throw;
  }
}

sched::task<void> wait_until_all_wait(sched::Channel<int>& started, int count) {
  for (int i = 0; i < count; ++i) co_await started.receive();
  throw std::runtime_error("the cause");
}

sched::task<void> announce_and_wait(sched::Channel<int>& started, sched::Channel<int>& never,
                                    std::atomic<int>& stopped) {
  co_await started.send(1);
  co_await wait_for_ever(never, stopped);
}

sched::task<void> spawn_counters(sched::Cores& cores, std::atomic<int>& count) {
  sched::Scope scope(cores.control());
  co_await scope.open();
  for (int i = 0; i < 100; ++i) scope.spawn(cores.of(static_cast<std::size_t>(i) % cores.count()), count_up(count));
  co_await scope.join();
}

sched::task<void> one_fails_many_wait(sched::Cores& cores, sched::Channel<int>& started, sched::Channel<int>& never,
                                      std::atomic<int>& stopped) {
  sched::Scope scope(cores.control());
  co_await scope.open();
  for (int i = 0; i < 10; ++i)
    scope.spawn(cores.of(static_cast<std::size_t>(i) % cores.count()), announce_and_wait(started, never, stopped));
  scope.spawn(cores.of(1), wait_until_all_wait(started, 10));
  co_await scope.join();
}

sched::task<void> outer(sched::Cores& cores, sched::Channel<int>& started, sched::Channel<int>& never,
                        std::atomic<int>& stopped) {
  sched::Scope scope(cores.control());
  co_await scope.open();
  scope.spawn(cores.of(1), fail("outer failure"));
  scope.spawn(cores.control(), one_fails_many_wait(cores, started, never, stopped));
  co_await scope.join();
}

/// Ends as if nothing had happened when it is stopped.
sched::task<void> announce_and_end_when_stopped(sched::Channel<int>& started, sched::Channel<int>& never) {
  std::atomic<int> stopped{0};
  try {
    co_await announce_and_wait(started, never, stopped);
  } catch (const std::system_error&) {
    co_return;
  }
}

sched::task<void> two_scopes(sched::Cores& cores, sched::Channel<int>& started, sched::Channel<int>& never,
                             std::atomic<int>& count) {
  {
    sched::Scope scope(cores.control());
    co_await scope.open();
    scope.spawn(cores.of(1), announce_and_end_when_stopped(started, never));
    co_await scope.join();
  }
  sched::Scope scope(cores.control());
  co_await scope.open();
  scope.spawn(cores.of(1), count_up(count));
  co_await scope.join();
}

sched::task<void> stop_between_two_scopes(sched::Cores& cores, sched::Channel<int>& started, sched::Channel<int>& never,
                                          std::atomic<int>& count) {
  sched::Scope scope(cores.control());
  co_await scope.open();
  scope.spawn(cores.control(), two_scopes(cores, started, never, count));
  scope.spawn(cores.of(1), wait_until_all_wait(started, 1));
  co_await scope.join();
}

/// Gives way `turns` times to what waits on the executor, which no stop shortens, and then begins a scope.
sched::task<void> give_way_and_spawn(sched::Cores& cores, int turns, std::atomic<int>& count) {
  for (int turn = 0; turn < turns; ++turn) co_await asio::post(cores.control(), asio::use_awaitable);
  sched::Scope scope(cores.control());
  co_await scope.open();
  scope.spawn(cores.control(), count_up(count));
  co_await scope.join();
}

sched::task<void> stop_after_some_turns(sched::Cores& cores, int turns, std::atomic<int>& count) {
  sched::Scope scope(cores.control());
  co_await scope.open();
  scope.spawn(cores.control(), give_way_and_spawn(cores, turns, count));
  scope.spawn(cores.control(), fail("the cause"));
  co_await scope.join();
}

sched::task<void> empty_scope(sched::Cores& cores) {
  sched::Scope scope(cores.control());
  co_await scope.open();
  co_await scope.join();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scope)

BOOST_AUTO_TEST_CASE(join_waits_for_every_child) {
  sched::Cores cores(some_cores(3), [] {});
  std::atomic<int> count{0};
  run_on(cores, spawn_counters(cores, count));
  BOOST_TEST(count.load() == 100);
}

BOOST_AUTO_TEST_CASE(a_scope_without_children_ends_at_once) {
  sched::Cores cores(some_cores(1), [] {});
  run_on(cores, empty_scope(cores));
}

BOOST_AUTO_TEST_CASE(the_first_failure_stops_the_others_and_is_what_the_parent_sees) {
  sched::Cores cores(some_cores(3), [] {});
  sched::Channel<int> started(16), never(1);
  std::atomic<int> stopped{0};
  BOOST_CHECK_EXCEPTION(run_on(cores, one_fails_many_wait(cores, started, never, stopped)), std::runtime_error,
                        [](const std::runtime_error& error) { return std::string(error.what()) == "the cause"; });
  BOOST_TEST(stopped.load() == 10);
}

BOOST_AUTO_TEST_CASE(a_failure_outside_stops_a_scope_inside_and_its_children) {
  for (int round = 0; round < 100; ++round) {
    sched::Cores cores(some_cores(2), [] {});
    // Nobody receives eleven announcements: the inner scope ends only because it is stopped.
    sched::Channel<int> started(1), never(1);
    std::atomic<int> stopped{0};
    BOOST_CHECK_THROW(run_on(cores, outer(cores, started, never, stopped)), std::runtime_error);
  }
}

BOOST_AUTO_TEST_CASE(a_parent_that_is_stopped_while_it_joins_begins_no_second_scope) {
  for (int round = 0; round < 100; ++round) {
    sched::Cores cores(some_cores(2), [] {});
    sched::Channel<int> started(1), never(1);
    std::atomic<int> count{0};
    BOOST_CHECK_EXCEPTION(run_on(cores, stop_between_two_scopes(cores, started, never, count)), std::runtime_error,
                          [](const std::runtime_error& error) { return std::string(error.what()) == "the cause"; });
    BOOST_TEST(count.load() == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_parent_that_is_stopped_before_a_scope_begins_none) {
  int begun = 0;
  for (int turns = 0; turns < 20; ++turns) {
    sched::Cores cores(some_cores(1), [] {});
    std::atomic<int> count{0};
    BOOST_CHECK_EXCEPTION(run_on(cores, stop_after_some_turns(cores, turns, count)), std::runtime_error,
                          [](const std::runtime_error& error) { return std::string(error.what()) == "the cause"; });
    begun += count.load();
  }
  BOOST_TEST(begun > 0);
  BOOST_TEST(begun < 20);
}

BOOST_AUTO_TEST_SUITE_END()
