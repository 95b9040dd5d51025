// How operations end before their time, on both kinds of Files: cancellation, stop, destruction.

#include <fcntl.h>

#include <algorithm>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/system_error.hpp>
#include <asio/use_awaitable.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <future>
#include <thread>

#include "io/files.hpp"
#include "tests/io/files_help.hpp"

using namespace files_help;
namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(files_endings)

// Where the coroutine stands when a read is cancelled, and what came of it. Not in an unnamed namespace: lambdas of
// data-driven cases, which are templates, capture it.
struct CancelledRead {
  asio::cancellation_signal signal;
  bool ended = false;
  bool aborted = false;
};

void note_end(CancelledRead& read, std::exception_ptr failure) {
  read.ended = true;
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const asio::system_error& error) {
    read.aborted = error.code() == asio::error::operation_aborted;
  }
}

BOOST_DATA_TEST_CASE(a_cancelled_read_ends_and_leaves_its_memory_alone, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const std::string path = folder.with_fifo("pipe");
  const io::OpenFile pipe(::open(path.c_str(), O_RDWR), path);
  std::ranges::fill(files->block(0).bytes, std::byte{42});
  CancelledRead read;
  const auto ended = [&](std::exception_ptr failure, std::size_t) {
    note_end(read, failure);
    files->stop();
  };
  asio::co_spawn(files->executor(), files->read(pipe, 0, files->block(0), 100),
                 asio::bind_cancellation_slot(read.signal.slot(), ended));
  // A second operation makes a full turn, so that the read is with the kernel or a thread by now.
  finish(*files, files->make_directory(folder / "meanwhile"));
  BOOST_TEST(!read.ended);
  asio::post(files->executor(), [&] { read.signal.emit(asio::cancellation_type::terminal); });
  files->run();
  BOOST_TEST(read.aborted);

  const std::string text = "too late";
  finish(*files, files->write(pipe, io::Files::append_position, bytes_of(text)));
  BOOST_TEST(finish(*files, files->read(pipe, 0, files->block(1), 100)) == text.size());
  BOOST_TEST(text_in(files->block(1), text.size()) == text);
  BOOST_TEST(std::ranges::count(files->block(0).bytes, std::byte{42}) == std::ssize(files->block(0).bytes));
}

BOOST_DATA_TEST_CASE(an_operation_cancelled_before_it_began_does_nothing, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const std::string path = folder.with_fifo("pipe");
  const io::OpenFile pipe(::open(path.c_str(), O_RDWR), path);
  // Reads that nobody answers keep all threads busy, so that the folder waits for its turn; with the ring it is caught
  // before the submission, because the request to cancel comes in the same turn.
  std::vector<std::unique_ptr<CancelledRead>> reads;
  for (unsigned index = 0; index < 4; ++index) {
    CancelledRead& read = *reads.emplace_back(std::make_unique<CancelledRead>());
    const auto ended = [&read](std::exception_ptr failure, std::size_t) { note_end(read, failure); };
    asio::co_spawn(files->executor(), files->read(pipe, 0, files->block(index), 100),
                   asio::bind_cancellation_slot(read.signal.slot(), ended));
  }
  CancelledRead made;
  const auto ended = [&](std::exception_ptr failure) {
    note_end(made, failure);
    files->stop();
  };
  asio::co_spawn(files->executor(), files->make_directory(folder / "new"),
                 asio::bind_cancellation_slot(made.signal.slot(), ended));
  asio::post(files->executor(), [&] { made.signal.emit(asio::cancellation_type::terminal); });
  files->run();
  BOOST_TEST(made.aborted);
  BOOST_TEST(!std::filesystem::exists(folder / "new"));
}

namespace {

sched::task<void> read_until_cancelled(io::Files& files, const io::OpenFile& pipe, std::promise<void>& begun) {
  begun.set_value();
  co_await files.read(pipe, 0, files.block(0), 100);
}

}  // namespace

BOOST_DATA_TEST_CASE(cancellation_reaches_from_another_executor, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const std::string path = folder.with_fifo("pipe");
  const io::OpenFile pipe(::open(path.c_str(), O_RDWR), path);
  for (unsigned turn = 0; turn < 100; ++turn) {
    asio::io_context elsewhere;
    CancelledRead read;
    std::promise<void> begun;
    const auto ended = [&](std::exception_ptr failure) {
      note_end(read, failure);
      files->stop();
    };
    asio::co_spawn(elsewhere, read_until_cancelled(*files, pipe, begun),
                   asio::bind_cancellation_slot(read.signal.slot(), ended));
    std::thread thread([&] { elsewhere.run(); });
    std::thread canceller([&] {
      begun.get_future().wait();
      asio::post(elsewhere, [&] { read.signal.emit(asio::cancellation_type::terminal); });
    });
    files->run();
    canceller.join();
    thread.join();
    BOOST_TEST(read.aborted);
  }
}

BOOST_DATA_TEST_CASE(stop_ends_run_from_any_thread, data::make(kinds()), kind) {
  const auto files = make(kind);
  for (unsigned turn = 0; turn < 100; ++turn) {
    std::thread stopper([&] { files->stop(); });
    files->run();
    stopper.join();
  }
}

BOOST_DATA_TEST_CASE(an_exception_of_a_handler_comes_out_of_run_which_may_go_on, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  asio::post(files->executor(), [] { throw std::runtime_error("a handler failed"); });
  BOOST_CHECK_THROW(files->run(), std::runtime_error);
  finish(*files, files->make_directory(folder / "new"));
  BOOST_TEST(std::filesystem::exists(folder / "new"));
}

namespace {

struct CountsItself {
  unsigned& alive_count;
  explicit CountsItself(unsigned& count) : alive_count(count) { ++alive_count; }
  CountsItself(const CountsItself&) = delete;
  ~CountsItself() { --alive_count; }
};

sched::task<void> wait_for_ever(io::Files& files, const io::OpenFile& pipe, unsigned& alive_count) {
  const CountsItself counted(alive_count);
  co_await files.read(pipe, 0, files.block(0), 100);
}

}  // namespace

BOOST_DATA_TEST_CASE(destruction_ends_what_is_pending, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const std::string path = folder.with_fifo("pipe");
  const io::OpenFile pipe(::open(path.c_str(), O_RDWR), path);
  unsigned alive_count = 0;
  {
    const auto files = make(kind);
    const auto ignore = [](std::exception_ptr) {};
    for (unsigned index = 0; index < 20; ++index)
      asio::co_spawn(files->executor(), wait_for_ever(*files, pipe, alive_count), ignore);
    asio::post(files->executor(), [&] { files->stop(); });
    files->run();
    BOOST_TEST(alive_count == 20u);
  }
  BOOST_TEST(alive_count == 0u);
}

BOOST_DATA_TEST_CASE(descriptors_of_abandoned_operations_are_closed, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const std::string path = folder.with_file("file", "text");
  const std::size_t before = descriptors_count();
  {
    const auto files = make(kind);
    const auto opened = [&](std::exception_ptr, io::OpenFile) { files->stop(); };
    for (unsigned index = 0; index < 50; ++index)
      asio::co_spawn(files->executor(), files->open(path, O_RDONLY, 0), opened);
    files->run();
    const auto closed = [&](std::exception_ptr) { files->stop(); };
    for (unsigned index = 0; index < 50; ++index)
      asio::co_spawn(files->executor(), files->close(io::OpenFile(::open(path.c_str(), O_RDONLY), path)), closed);
    files->run();
  }
  BOOST_TEST(descriptors_count() == before);
}

BOOST_DATA_TEST_CASE(a_hundred_starts_and_stops_leave_no_descriptor_and_no_thread, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const std::string path = folder.with_file("file", "twelve bytes");
  const std::string pipe_path = folder.with_fifo("pipe");
  const io::OpenFile pipe(::open(pipe_path.c_str(), O_RDWR), pipe_path);
  const std::size_t descriptors_before = descriptors_count();
  const std::size_t threads_before = thread_names().size();
  for (unsigned turn = 0; turn < 100; ++turn) {
    const auto files = make(kind);
    const auto ignore = [](std::exception_ptr, std::size_t) {};
    asio::co_spawn(files->executor(), files->read(pipe, 0, files->block(1), 1), ignore);
    const io::OpenFile file = finish(*files, files->open(path, O_RDONLY, 0));
    BOOST_REQUIRE(finish(*files, files->read(file, 0, files->block(0), 100)) == 12u);
  }
  BOOST_TEST(descriptors_count() == descriptors_before);
  // A joined thread may show for an instant more: those of the last turn are given the benefit of the doubt.
  BOOST_TEST(thread_names().size() <= threads_before + 4);
}

BOOST_AUTO_TEST_SUITE_END()
