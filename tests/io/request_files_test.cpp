// The loops and retries above a runner, against a runner that answers what the test says: what kernels do rarely.

#include "io/request_files.hpp"

#include <poll.h>
#include <sys/uio.h>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/system_error.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <numeric>

#include "io/error.hpp"
#include "tests/io/files_help.hpp"

namespace {

using namespace files_help;
using io::FileCall;

class ScriptedFiles final : public io::RequestFiles, public io::OperationRunner {
 public:
  explicit ScriptedFiles(std::deque<int> answers) : RequestFiles({}), answers_(std::move(answers)) {}

  asio::any_io_executor executor() noexcept override { return context_.get_executor(); }
  void run() override { context_.run(); }
  void stop() noexcept override {}
  std::string description() const override { return "scripted"; }

  void start(std::unique_ptr<io::FileOperation> operation) override {
    requests.push_back(operation->request());
    BOOST_REQUIRE(!answers_.empty());
    operation->settle(answers_.front());
    answers_.pop_front();
    asio::post(context_, [ended = std::move(operation)]() mutable { ended.release()->run(); });
  }
  void cancel(io::OperationId) override {}
  asio::any_io_executor handler_executor() noexcept override { return executor(); }

  std::vector<FileCall> calls() const {
    std::vector<FileCall> calls;
    for (const io::FileRequest& request : requests) calls.push_back(request.call);
    return calls;
  }
  bool all_answers_used() const { return answers_.empty(); }

  std::vector<io::FileRequest> requests;

 private:
  io::OperationRunner& runner() noexcept override { return *this; }

  std::deque<int> answers_;
  asio::io_context context_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(request_files)

BOOST_AUTO_TEST_CASE(a_short_write_goes_on_where_it_stopped) {
  ScriptedFiles files({30, -EINTR, 20, 50});
  const io::OpenFile file(-1, "file");
  const std::string text(100, 'x');
  finish(files, files.write(file, 1000, bytes_of(text)));
  BOOST_TEST(files.all_answers_used());
  const std::vector<std::pair<std::uint64_t, std::uint32_t>> expected = {
      {1000, 100}, {1030, 70}, {1030, 70}, {1050, 50}};
  BOOST_REQUIRE(files.requests.size() == expected.size());
  for (std::size_t index = 0; index < expected.size(); ++index) {
    BOOST_TEST(files.requests[index].offset_bytes == expected[index].first);
    BOOST_TEST(files.requests[index].bytes_count == expected[index].second);
  }
}

BOOST_AUTO_TEST_CASE(a_short_append_stays_at_the_file_s_own_position) {
  ScriptedFiles files({30, 70});
  const io::OpenFile file(-1, "file");
  const std::string text(100, 'x');
  finish(files, files.write(file, io::Files::append_position, bytes_of(text)));
  BOOST_TEST(files.requests[1].offset_bytes == io::Files::append_position);
}

BOOST_AUTO_TEST_CASE(a_write_that_fails_late_tells_how_far_it_got) {
  ScriptedFiles files({30, -ENOSPC});
  const io::OpenFile file(-1, "file");
  const std::string text(100, 'x');
  BOOST_CHECK_EXCEPTION(
      finish(files, files.write(file, 1000, bytes_of(text))), io::FileError,
      [](const io::FileError& error) { return error.offset_bytes() == 1030 && error.error_number() == ENOSPC; });
}

BOOST_AUTO_TEST_CASE(a_write_that_takes_nothing_fails_instead_of_turning_for_ever) {
  ScriptedFiles files({0});
  const io::OpenFile file(-1, "file");
  const std::string text = "text";
  BOOST_CHECK_THROW(finish(files, files.write(file, 0, bytes_of(text))), io::FileError);
}

BOOST_AUTO_TEST_CASE(an_empty_write_asks_for_nothing) {
  ScriptedFiles files({});
  const io::OpenFile file(-1, "file");
  finish(files, files.write(file, 0, {}));
  BOOST_TEST(files.requests.empty());
}

BOOST_AUTO_TEST_CASE(a_read_that_finds_nothing_yet_waits_until_there_is_something) {
  ScriptedFiles files({-EAGAIN, POLLIN, -EINTR, 7});
  const io::OpenFile file(-1, "file");
  BOOST_TEST(finish(files, files.read(file, 0, files.block(0), 100)) == 7u);
  const bool expected =
      files.calls() == std::vector{FileCall::read, FileCall::wait_ready, FileCall::read, FileCall::read};
  BOOST_TEST(expected);
  BOOST_TEST(files.requests[1].flags == POLLIN);
  BOOST_TEST(files.counters().reads == 1u);
}

BOOST_AUTO_TEST_CASE(a_read_from_memory_waits_for_nothing) {
  const io::OpenFile file(-1, "file");
  for (const int refusal : {-EAGAIN, -EOPNOTSUPP}) {
    ScriptedFiles files({-EINTR, refusal});
    BOOST_TEST(!finish(files, files.read_cached(file, 0, files.block(0), 100)));
    const bool expected = files.calls() == std::vector{FileCall::read, FileCall::read};
    BOOST_TEST(expected);
    BOOST_TEST(files.requests[0].flags == RWF_NOWAIT);
    BOOST_TEST(files.counters().reads == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_read_from_memory_may_be_partial_or_at_the_end) {
  const io::OpenFile file(-1, "file");
  for (const int result : {7, 0}) {
    ScriptedFiles files({result});
    BOOST_TEST(finish(files, files.read_cached(file, 0, files.block(0), 100)).value() == static_cast<unsigned>(result));
    BOOST_TEST(files.counters().reads == 1u);
    BOOST_TEST(files.counters().bytes_read == static_cast<unsigned>(result));
  }
}

BOOST_AUTO_TEST_CASE(a_read_from_memory_that_fails_tells_the_offset) {
  ScriptedFiles files({-EIO});
  const io::OpenFile file(-1, "file");
  BOOST_CHECK_EXCEPTION(
      finish(files, files.read_cached(file, 30, files.block(0), 100)), io::FileError,
      [](const io::FileError& error) { return error.offset_bytes() == 30 && error.error_number() == EIO; });
}

BOOST_AUTO_TEST_CASE(files_read_whole_are_one_request) {
  ScriptedFiles files({0});
  std::vector<io::WholeRead> reads(1000);
  finish(files, files.read_whole(reads));
  BOOST_TEST(files.requests.size() == 1u);
}

BOOST_AUTO_TEST_CASE(no_files_read_whole_are_no_request) {
  ScriptedFiles files({});
  finish(files, files.read_whole({}));
  BOOST_TEST(files.requests.empty());
}

BOOST_AUTO_TEST_CASE(cancelled_reads_of_whole_files_are_aborted) {
  ScriptedFiles files({-ECANCELED});
  std::vector<io::WholeRead> reads(10);
  BOOST_CHECK_EXCEPTION(finish(files, files.read_whole(reads)), asio::system_error,
                        [](const asio::system_error& error) { return error.code() == asio::error::operation_aborted; });
  BOOST_TEST(files.counters().reads == 0u);
}

BOOST_AUTO_TEST_CASE(an_interrupted_open_is_tried_again) {
  ScriptedFiles files({-EINTR, -EAGAIN, -EMFILE});
  BOOST_CHECK_EXCEPTION(finish(files, files.open("file", 0, 0)), io::FileError,
                        [](const io::FileError& error) { return error.error_number() == EMFILE; });
  BOOST_TEST(files.requests.size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_cancelled_operation_is_aborted_and_not_tried_again) {
  ScriptedFiles files({-ECANCELED});
  const io::OpenFile file(-1, "file");
  BOOST_CHECK_EXCEPTION(finish(files, files.sync(file)), asio::system_error,
                        [](const asio::system_error& error) { return error.code() == asio::error::operation_aborted; });
}

BOOST_AUTO_TEST_CASE(where_the_file_system_cannot_refuse_to_replace_rename_looks_first) {
  ScriptedFiles files({-EINVAL, -ENOENT, 0});
  finish(files, files.rename("from", "to"));
  const bool expected = files.calls() == std::vector{FileCall::rename, FileCall::status, FileCall::rename};
  BOOST_TEST(expected);
  BOOST_TEST(files.requests[0].flags == static_cast<int>(RENAME_NOREPLACE));
  BOOST_TEST(files.requests[2].flags == 0);
}

BOOST_AUTO_TEST_CASE(where_the_file_system_cannot_refuse_an_existing_target_still_stays) {
  ScriptedFiles files({-EINVAL, 0});
  BOOST_CHECK_EXCEPTION(finish(files, files.rename("from", "to")), io::FileError,
                        [](const io::FileError& error) { return error.error_number() == EEXIST; });
  BOOST_TEST(files.requests.size() == 2u);
}

BOOST_AUTO_TEST_CASE(an_interrupted_close_is_done) {
  ScriptedFiles files({-EINTR});
  finish(files, files.close(io::OpenFile(1'000'000, "file")));
  BOOST_TEST(files.requests.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
