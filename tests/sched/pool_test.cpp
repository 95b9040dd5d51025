#include "sched/pool.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

#include "sched/boundary.hpp"
#include "sched/cores.hpp"
#include "sched/scope.hpp"
#include "tests/support/run_on_cores.hpp"

namespace {

using tests::run_on;
using tests::some_cores;

struct Buffer {
  std::atomic<int> holders{0};
};

sched::task<void> take_and_give_back(sched::Pool<Buffer>& pool, std::size_t core, int times, std::atomic<int>& shared) {
  for (int i = 0; i < times; ++i) {
    Buffer* const buffer = co_await pool.take(core);
    if (++buffer->holders != 1) ++shared;
    std::this_thread::yield();
    --buffer->holders;
    pool.give_back(buffer);
  }
}

sched::task<void> share_out(sched::Cores& cores, sched::Pool<Buffer>& pool, std::atomic<int>& shared) {
  sched::Scope scope(cores.control());
  co_await scope.open();
  for (std::size_t core = 0; core < cores.count(); ++core)
    scope.spawn(cores.of(core), take_and_give_back(pool, core, 5000, shared));
  co_await scope.join();
}

sched::task<void> receive_all(sched::Boundary<int>& boundary, std::atomic<int>& received, int count,
                              std::vector<int*>& got) {
  for (int i = 0; i < count; ++i) {
    int* const value = co_await boundary.receive();
    got.push_back(value);
    received.store(i + 1);
  }
}

sched::task<void> wait_at(sched::Boundary<int>& boundary) {
  co_await boundary.receive();
}

sched::task<void> give_up() {
  throw std::runtime_error("the cause");
  co_return;
}

sched::task<void> stop_a_waiting_control(sched::Cores& cores, sched::Boundary<int>& boundary) {
  sched::Scope scope(cores.control());
  co_await scope.open();
  scope.spawn(cores.of(1), wait_at(boundary));
  scope.spawn(cores.control(), give_up());
  co_await scope.join();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pool_and_boundary)

BOOST_AUTO_TEST_CASE(a_buffer_has_one_holder_at_a_time) {
  for (const std::size_t buffers : {1u, 2u, 3u, 8u}) {
    sched::Cores cores(some_cores(4), [] {});
    std::vector<Buffer> items(buffers);
    std::vector<Buffer*> pointers;
    for (Buffer& item : items) pointers.push_back(&item);
    sched::Pool<Buffer> pool(pointers, cores.count());
    std::atomic<int> shared{0};
    run_on(cores, share_out(cores, pool, shared));
    BOOST_TEST(shared.load() == 0);
    BOOST_TEST(pool.taken_count_max() <= buffers);
  }
}

BOOST_AUTO_TEST_CASE(a_core_gets_again_what_it_had_last_and_else_what_is_left) {
  std::vector<Buffer> items(5);
  std::vector<Buffer*> pointers;
  for (Buffer& item : items) pointers.push_back(&item);
  sched::Pool<Buffer> pool(pointers, 3);
  Buffer* const of_0 = pool.try_take(0);
  Buffer* const of_1 = pool.try_take(1);
  Buffer* const of_2 = pool.try_take(2);
  for (Buffer* const item : {of_2, of_0, of_1}) pool.give_back(item);
  BOOST_TEST(pool.try_take(1) == of_1);
  BOOST_TEST(pool.try_take(0) == of_0);
  BOOST_TEST(pool.try_take(2) == of_2);
  std::vector<Buffer*> left = {pool.try_take(2), pool.try_take(2)};
  BOOST_TEST((left[0] != nullptr && left[1] != nullptr && left[0] != left[1]));
  BOOST_TEST(pool.try_take(2) == nullptr);
  // What another core took last is that core's.
  pool.give_back(of_0);
  BOOST_TEST(pool.try_take(1) == of_0);
  pool.give_back(of_0);
  pool.give_back(left[0]);
  BOOST_TEST(pool.try_take(1) == of_0);
  BOOST_TEST(pool.taken_count_max() == 5u);
}

BOOST_AUTO_TEST_CASE(values_cross_the_boundary_in_order_each_once) {
  sched::Cores cores(some_cores(1), [] {});
  sched::Boundary<int> boundary;
  constexpr int count = 20000;
  std::vector<int> values(count);
  std::vector<int*> got;
  std::atomic<int> received{0};
  std::thread sender([&] {
    for (int i = 0; i < count; ++i) {
      while (received.load() < i) std::this_thread::yield();
      boundary.hand_over(&values[static_cast<std::size_t>(i)]);
    }
  });
  run_on(cores, receive_all(boundary, received, count, got));
  sender.join();
  for (int i = 0; i < count; ++i)
    BOOST_REQUIRE(got[static_cast<std::size_t>(i)] == &values[static_cast<std::size_t>(i)]);
}

BOOST_AUTO_TEST_CASE(a_wait_at_the_boundary_can_be_stopped) {
  for (int round = 0; round < 200; ++round) {
    sched::Cores cores(some_cores(2), [] {});
    sched::Boundary<int> boundary;
    BOOST_CHECK_THROW(run_on(cores, stop_a_waiting_control(cores, boundary)), std::runtime_error);
  }
}

BOOST_AUTO_TEST_SUITE_END()
