#include "sched/channel.hpp"

#include <asio/co_spawn.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "sched/cores.hpp"
#include "sched/scope.hpp"
#include "tests/support/run_on_cores.hpp"

namespace {

using tests::run_on;
using tests::some_cores;
using Numbers = sched::Channel<std::unique_ptr<int>>;

sched::task<void> produce(Numbers& channel, int first, int count, std::atomic<int>& producers_left) {
  for (int i = 0; i < count; ++i) {
    auto item = std::make_unique<int>(first + i);
    co_await channel.send(std::move(item));
  }
  if (--producers_left == 0) channel.finish();
}

sched::task<void> consume(Numbers& channel, std::vector<int>& got) {
  for (;;) {
    const std::optional<std::unique_ptr<int>> item = co_await channel.receive();
    if (!item) co_return;
    got.push_back(**item);
  }
}

sched::task<void> many_to_many(sched::Cores& cores, Numbers& channel, int producers, int each,
                               std::vector<std::vector<int>>& got) {
  std::atomic<int> producers_left{producers};
  sched::Scope scope(cores.control());
  co_await scope.open();
  for (int i = 0; i < producers; ++i)
    scope.spawn(cores.of(static_cast<std::size_t>(i) % cores.count()),
                produce(channel, i * each, each, producers_left));
  for (std::size_t i = 0; i < got.size(); ++i) scope.spawn(cores.of(i % cores.count()), consume(channel, got[i]));
  co_await scope.join();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(channel)

BOOST_AUTO_TEST_CASE(every_item_arrives_once_whatever_the_capacity) {
  for (const std::size_t capacity : {1u, 2u, 7u, 100u}) {
    sched::Cores cores(some_cores(4), [] {});
    Numbers channel(capacity);
    std::vector<std::vector<int>> got(5);
    run_on(cores, many_to_many(cores, channel, 3, 500, got));
    std::vector<int> seen(1500);
    for (const auto& list : got)
      for (const int number : list) ++seen[static_cast<std::size_t>(number)];
    BOOST_TEST(seen == std::vector<int>(1500, 1), boost::test_tools::per_element());
    BOOST_TEST(channel.size_max() <= capacity);
  }
}

BOOST_AUTO_TEST_CASE(items_of_one_producer_come_in_order) {
  sched::Cores cores(some_cores(2), [] {});
  Numbers channel(3);
  std::vector<std::vector<int>> got(1);
  run_on(cores, many_to_many(cores, channel, 1, 1000, got));
  for (int i = 0; i < 1000; ++i) BOOST_REQUIRE_EQUAL(got[0][static_cast<std::size_t>(i)], i);
}

BOOST_AUTO_TEST_CASE(who_waits_may_run_on_an_executor_of_any_kind) {
  // Not io_contexts, as the cores' are; of one thread each, as a coroutine here never changes its thread.
  asio::thread_pool receivers(1), senders(1);
  Numbers channel(1);
  std::vector<int> got;
  std::future<void> consumed = asio::co_spawn(receivers, consume(channel, got), asio::use_future);
  std::atomic<int> producers_left{1};
  std::future<void> produced = asio::co_spawn(senders, produce(channel, 0, 500, producers_left), asio::use_future);
  produced.get();
  consumed.get();
  BOOST_TEST(got.size() == 500u);
}

BOOST_AUTO_TEST_CASE(what_is_buffered_when_it_is_finished_is_not_lost) {
  sched::Cores cores(some_cores(1), [] {});
  Numbers channel(4);
  for (int i = 0; i < 4; ++i) {
    auto item = std::make_unique<int>(i);
    BOOST_TEST(channel.try_send(item));
  }
  channel.finish();
  std::vector<int> got;
  run_on(cores, consume(channel, got));
  BOOST_TEST(got == (std::vector<int>{0, 1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_full_channel_takes_nothing_and_leaves_the_item) {
  Numbers channel(1);
  auto first = std::make_unique<int>(1), second = std::make_unique<int>(2);
  BOOST_TEST(channel.try_send(first));
  BOOST_TEST(!channel.try_send(second));
  BOOST_TEST(*second == 2);
}

BOOST_AUTO_TEST_SUITE_END()
