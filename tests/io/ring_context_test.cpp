// The ring as an Asio execution context.

#include "io/ring_context.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/dispatch.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/strand.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "io/ring.hpp"
#include "tests/io/files_help.hpp"

namespace {

using namespace files_help;

static_assert(asio::execution::is_executor<io::RingContext::executor_type>::value);
static_assert(asio::can_require<io::RingContext::executor_type, asio::execution::blocking_t::never_t>::value);
static_assert(std::is_convertible_v<decltype(asio::query(std::declval<const io::RingContext::executor_type&>(),
                                                         asio::execution::context_as<asio::execution_context&>)),
                                    asio::execution_context&>);

// A pipe that never delivers unless written to.
struct Fifo {
  TemporaryFolder folder;
  io::OpenFile file;
  Fifo() : file(::open(folder.with_fifo("pipe").c_str(), O_RDWR | O_CLOEXEC), folder / "pipe") {}
};

}  // namespace

BOOST_AUTO_TEST_SUITE(ring_context, *boost::unit_test::precondition(ring_allowed))

BOOST_AUTO_TEST_CASE(posted_functions_run_in_order_on_the_thread_of_run) {
  io::RingContext context;
  std::vector<int> order;
  const std::thread::id here = std::this_thread::get_id();
  for (int number = 0; number < 100; ++number) {
    asio::post(context, [&order, number, here] {
      BOOST_TEST((std::this_thread::get_id() == here));
      order.push_back(number);
    });
  }
  asio::post(context, [&] { context.stop(); });
  BOOST_TEST(order.empty());
  context.run();
  BOOST_TEST(order.size() == 100u);
  BOOST_TEST(std::ranges::is_sorted(order));
}

BOOST_AUTO_TEST_CASE(dispatch_is_immediate_within_run_and_post_is_not) {
  io::RingContext context;
  std::string order;
  asio::dispatch(context, [&] {
    asio::post(context, [&] { order += "posted "; });
    asio::dispatch(context, [&] { order += "dispatched "; });
    asio::dispatch(asio::any_io_executor(context.get_executor()), [&] { order += "dispatched "; });
    asio::post(context, [&] { context.stop(); });
  });
  BOOST_TEST(order == "");
  context.run();
  BOOST_TEST(order == "dispatched dispatched posted ");
}

BOOST_AUTO_TEST_CASE(many_threads_post_and_nothing_is_lost) {
  constexpr int threads_count = 4;
  constexpr int posts_count = 5000;
  io::RingContext context;
  int left_count = threads_count * posts_count;
  std::vector<std::thread> threads;
  for (int index = 0; index < threads_count; ++index) {
    threads.emplace_back([&] {
      for (int number = 0; number < posts_count; ++number)
        asio::post(context, [&] {
          if (--left_count == 0) context.stop();
        });
    });
  }
  context.run();
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(left_count == 0);
}

BOOST_AUTO_TEST_CASE(strands_work_on_it) {
  io::RingContext context;
  const auto strand = asio::make_strand(context.get_executor());
  int count = 0;
  for (int number = 0; number < 100; ++number) asio::post(strand, [&] { ++count; });
  asio::post(strand, [&] { context.stop(); });
  context.run();
  BOOST_TEST(count == 100);
}

namespace {

sched::task<void> check_executor(io::RingContext& context, bool& same) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  same = executor == asio::any_io_executor(context.get_executor());
  same = same && &asio::query(executor, asio::execution::context) == &context;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_coroutine_finds_it_as_its_executor) {
  io::RingContext context;
  bool same = false;
  asio::co_spawn(context, check_executor(context, same), [&](std::exception_ptr) { context.stop(); });
  context.run();
  BOOST_TEST(same);
}

BOOST_AUTO_TEST_CASE(functions_that_only_post_each_other_do_not_keep_requests_waiting) {
  io::RingContext context;
  bool synced = false;
  const io::OpenFile file(::open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
  io::async_perform(context, io::FileRequest::wait_ready(file.descriptor(), POLLOUT),
                    [&](std::error_code, int) { synced = true; });
  std::function<void()> again = [&] {
    if (synced) return context.stop();
    asio::post(context, again);
  };
  again();
  context.run();
  BOOST_TEST(synced);
}

BOOST_AUTO_TEST_CASE(futures_and_callbacks_are_completion_tokens_too) {
  io::RingContext context;
  const Fifo pipe;
  const std::string text = "hello";
  std::future<int> written = io::async_perform(
      context, io::FileRequest::write(pipe.file.descriptor(), ~std::uint64_t{0}, bytes_of(text)), asio::use_future);
  std::array<std::byte, 16> memory{};
  int read_count = 0;
  io::async_perform(context, io::FileRequest::read(pipe.file.descriptor(), 0, memory),
                    [&](std::error_code error, int count) {
                      BOOST_TEST(!error);
                      read_count = count;
                      context.stop();
                    });
  context.run();
  BOOST_TEST(written.get() == 5);
  BOOST_TEST(read_count == 5);
}

BOOST_AUTO_TEST_CASE(a_handler_runs_on_its_associated_executor) {
  io::RingContext context;
  asio::io_context elsewhere;
  const io::OpenFile file(::open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
  std::thread::id handled_by;
  std::thread thread;
  io::async_perform(context, io::FileRequest::wait_ready(file.descriptor(), POLLOUT),
                    asio::bind_executor(elsewhere, [&](std::error_code, int) {
                      handled_by = std::this_thread::get_id();
                      context.stop();
                    }));
  // The pending operation is work for `elsewhere`: its run() does not end before the handler has run.
  std::thread::id elsewhere_id;
  thread = std::thread([&] {
    elsewhere_id = std::this_thread::get_id();
    elsewhere.run();
  });
  context.run();
  thread.join();
  BOOST_TEST((handled_by == elsewhere_id));
}

BOOST_AUTO_TEST_CASE(more_operations_than_both_queues_hold_all_complete_once) {
  constexpr unsigned operations_count = 10'000;  // The submission queue has 256 entries, the completion queue 4,096.
  io::RingContext context;
  const io::OpenFile file(::open("/dev/zero", O_RDONLY | O_CLOEXEC), "/dev/zero");
  std::vector<unsigned> completions(operations_count);
  std::vector<std::byte> memory(operations_count);
  unsigned left_count = operations_count;
  for (unsigned index = 0; index < operations_count; ++index) {
    io::async_perform(context, io::FileRequest::read(file.descriptor(), 0, std::span(memory).subspan(index, 1)),
                      [&, index](std::error_code error, int count) {
                        if (!error && count == 1) ++completions[index];
                        if (--left_count == 0) context.stop();
                      });
  }
  context.run();
  BOOST_TEST(std::ranges::count(completions, 1u) == operations_count);
  BOOST_TEST(context.submissions_count() <= operations_count / 256 + 2);
}

BOOST_AUTO_TEST_CASE(many_waiting_operations_are_cancelled_in_one_go) {
  constexpr unsigned operations_count = 3000;
  io::RingContext context;
  const Fifo pipe;
  std::vector<std::byte> memory(operations_count);
  std::vector<asio::cancellation_signal> signals(operations_count);
  unsigned aborted_count = 0;
  unsigned left_count = operations_count;
  for (unsigned index = 0; index < operations_count; ++index) {
    const auto ended = [&](std::error_code error, int) {
      if (error == asio::error::operation_aborted) ++aborted_count;
      if (--left_count == 0) context.stop();
    };
    io::async_perform(context, io::FileRequest::read(pipe.file.descriptor(), 0, std::span(memory).subspan(index, 1)),
                      asio::bind_cancellation_slot(signals[index].slot(), ended));
  }
  // Half are cancelled before they were submitted, half when the kernel has them.
  for (unsigned index = 0; index < operations_count; index += 2) signals[index].emit(asio::cancellation_type::total);
  const io::OpenFile null(::open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
  io::async_perform(context, io::FileRequest::wait_ready(null.descriptor(), POLLOUT), [&](std::error_code, int) {
    for (unsigned index = 1; index < operations_count; index += 2) signals[index].emit(asio::cancellation_type::total);
  });
  context.run();
  BOOST_TEST(aborted_count == operations_count);
}

BOOST_AUTO_TEST_CASE(cancelling_what_has_completed_does_nothing) {
  io::RingContext context;
  asio::cancellation_signal signal;
  const io::OpenFile null(::open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
  std::error_code outcome = asio::error::operation_aborted;
  const auto ended = [&](std::error_code error, int) {
    outcome = error;
    signal.emit(asio::cancellation_type::terminal);
    asio::post(context, [&] { context.stop(); });
  };
  io::async_perform(context, io::FileRequest::wait_ready(null.descriptor(), POLLOUT),
                    asio::bind_cancellation_slot(signal.slot(), ended));
  context.run();
  BOOST_TEST(!outcome);
}

BOOST_AUTO_TEST_CASE(there_is_no_thread_besides_the_caller_s) {
  const TemporaryFolder folder;
  const std::size_t before = thread_names().size();
  io::RingContext context;
  std::vector<std::string> during;
  io::async_perform(context, io::FileRequest::make_directory((folder / "new").c_str()), [](std::error_code, int) {});
  asio::post(context, [&] {
    during = thread_names();
    context.stop();
  });
  context.run();
  BOOST_TEST(during.size() == before);
  BOOST_TEST(std::ranges::count(during, "icosa-ring") == 1);
  BOOST_TEST(std::ranges::count(thread_names(), "icosa-ring") == 0);
}

BOOST_AUTO_TEST_CASE(it_may_be_destroyed_elsewhere_once_its_thread_has_ended) {
  const Fifo pipe;
  std::array<std::byte, 16> memory{};
  const std::size_t descriptors_before = descriptors_count();
  std::unique_ptr<io::RingContext> context;
  std::thread thread([&] {
    context = std::make_unique<io::RingContext>();
    io::async_perform(*context, io::FileRequest::read(pipe.file.descriptor(), 0, memory), [](std::error_code, int) {});
    const io::OpenFile null(::open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
    io::async_perform(*context, io::FileRequest::wait_ready(null.descriptor(), POLLOUT),
                      [&](std::error_code, int) { context->stop(); });
    context->run();
  });
  thread.join();
  context.reset();
  BOOST_TEST(descriptors_count() == descriptors_before);
}

BOOST_AUTO_TEST_SUITE_END()
