#include "sched/inbox.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "sched/cores.hpp"
#include "tests/support/run_on_cores.hpp"

namespace {

using tests::some_cores;

/// Waits for what other threads do, for a minute at most.
bool await_count(const std::atomic<int>& count, int wanted) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (count.load() < wanted && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  return count.load() == wanted;
}

/// Notes its number where it runs.
struct Noting : sched::Errand {
  Noting() noexcept : Errand([](Errand& self) { static_cast<Noting&>(self).note(); }) {}

  void note() {
    seen->push_back(number);
    if (std::this_thread::get_id() != thread) ++*strangers;
    ++*count;
  }

  int number = 0;
  std::thread::id thread;
  std::vector<int>* seen = nullptr;
  std::atomic<int>* strangers = nullptr;
  std::atomic<int>* count = nullptr;
};

/// Goes from one core to the other until it has been on both so many times.
struct Traveller : sched::Errand {
  Traveller(sched::Cores& cores_, int turns_) noexcept
      : Errand([](Errand& self) { static_cast<Traveller&>(self).go_on(); }), cores(cores_), turns_left(turns_) {}

  void go_on() {
    here = 1 - here;
    if (turns_left-- > 0) {
      cores.inbox_of(here).put(*this);
    } else {
      ++ended;
    }
  }

  sched::Cores& cores;
  sched::CoreIndex here = 0;
  int turns_left;
  std::atomic<int> ended{0};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(inbox)

BOOST_AUTO_TEST_CASE(a_core_runs_what_several_threads_put_in_the_order_of_each) {
  constexpr int threads_count = 4, errands_count = 2000;
  std::atomic<std::thread::id> thread{};
  sched::Cores cores(some_cores(1), [&] { thread = std::this_thread::get_id(); });
  while (thread.load() == std::thread::id()) std::this_thread::yield();
  std::vector<int> seen;  // by the core alone
  std::atomic<int> strangers{0}, count{0};
  const auto errands = std::make_unique<Noting[]>(threads_count * errands_count);
  std::vector<std::thread> threads;
  for (int t = 0; t < threads_count; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < errands_count; ++i) {
        Noting& errand = errands[static_cast<std::size_t>(t * errands_count + i)];
        errand.number = t * errands_count + i;
        errand.thread = thread;
        errand.seen = &seen;
        errand.strangers = &strangers;
        errand.count = &count;
        cores.inbox_of(0).put(errand);
      }
    });
  for (std::thread& one : threads) one.join();
  BOOST_REQUIRE(await_count(count, threads_count * errands_count));
  BOOST_TEST(strangers.load() == 0);
  std::vector<int> next(threads_count);
  for (const int number : seen) {
    int& wanted = next[static_cast<std::size_t>(number / errands_count)];
    BOOST_REQUIRE(number % errands_count == wanted);
    ++wanted;
  }
}

// An executor looks on for 5 ms before it sleeps: what comes just then must not be slept through.
BOOST_AUTO_TEST_CASE(an_errand_ends_a_cores_sleep_whenever_it_comes) {
  sched::Cores cores(some_cores(1), [] {});
  std::vector<int> seen;
  std::atomic<int> strangers{0}, count{0};
  for (int round = 0; round < 200; ++round) {
    std::this_thread::sleep_for(std::chrono::microseconds(4500 + 10 * (round % 100)));
    Noting errand;
    errand.seen = &seen;
    errand.strangers = &strangers;
    errand.count = &count;
    cores.inbox_of(0).put(errand);
    BOOST_REQUIRE(await_count(count, round + 1));
  }
}

BOOST_AUTO_TEST_CASE(an_errand_may_be_put_again_where_it_runs) {
  sched::Cores cores(some_cores(2), [] {});
  Traveller traveller(cores, 20'000);
  cores.inbox_of(0).put(traveller);
  BOOST_TEST(await_count(traveller.ended, 1));
  BOOST_TEST(cores.wakeups_count() == 20'001u);
}

BOOST_AUTO_TEST_SUITE_END()
