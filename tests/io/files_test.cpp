// What holds for both kinds of Files.

#include "io/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <thread>

#include "io/error.hpp"
#include "tests/io/files_help.hpp"

namespace {

using namespace files_help;
namespace data = boost::unit_test::data;

sched::task<std::string> read_whole(io::Files& files, std::string path, unsigned block_index) {
  const io::OpenFile file = co_await files.open(path, O_RDONLY, 0);
  std::string text;
  for (;;) {
    const io::Block block = files.block(block_index);
    const std::size_t count = co_await files.read(file, text.size(), block, block.bytes.size());
    if (count == 0) break;
    text += text_in(block, count);
  }
  co_return text;
}

sched::task<void> write_whole(io::Files& files, std::string path, std::string text) {
  io::OpenFile file = co_await files.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  co_await files.write(file, 0, bytes_of(text));
  co_await files.sync(file);
  co_await files.close(std::move(file));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(files)

namespace {

sched::task<int> write_and_read_anywhere(io::Files& files, std::string path, unsigned seed) {
  constexpr std::size_t file_bytes = 300'000;
  std::mt19937 random(seed);
  std::string model(file_bytes, '\0');
  const io::OpenFile file = co_await files.open(path, O_RDWR | O_CREAT, 0600);
  co_await files.write(file, 0, bytes_of(model));
  int differences = 0;
  for (unsigned turn = 0; turn < 100; ++turn) {
    const std::size_t offset = random() % file_bytes;
    const std::string piece = random_text(random(), random() % (file_bytes - offset));
    co_await files.write(file, offset, bytes_of(piece));
    model.replace(offset, piece.size(), piece);

    const std::size_t read_offset = random() % file_bytes;
    const std::size_t wanted = random() % files.block_bytes() + 1;
    const io::Block block = files.block(turn % files.blocks_count());
    const std::size_t count = co_await files.read(file, read_offset, block, wanted);
    if (text_in(block, count) != model.substr(read_offset, wanted)) ++differences;
  }
  co_return differences;
}

}  // namespace

BOOST_DATA_TEST_CASE(what_is_written_is_read_at_any_offset_and_length, data::make(kinds()) * data::make({1u, 2u, 3u}),
                     kind, seed) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  BOOST_TEST(finish(*files, write_and_read_anywhere(*files, folder / "file", seed)) == 0);
}

BOOST_DATA_TEST_CASE(a_read_at_the_end_of_a_file_is_short_and_then_empty, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const io::OpenFile file(::open(folder.with_file("file", "twelve bytes").c_str(), O_RDONLY), "file");
  BOOST_TEST(finish(*files, files->read(file, 7, files->block(0), 100)) == 5u);
  BOOST_TEST(text_in(files->block(0), 5) == "bytes");
  BOOST_TEST(finish(*files, files->read(file, 12, files->block(0), 100)) == 0u);
  BOOST_TEST(finish(*files, files->read(file, 1000, files->block(0), 100)) == 0u);
}

BOOST_DATA_TEST_CASE(a_read_may_go_to_memory_that_is_not_the_pool_s, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  std::vector<std::byte> memory(100);
  const io::Block block{memory, 0};
  const io::OpenFile file(::open(folder.with_file("file", "twelve bytes").c_str(), O_RDONLY), "file");
  BOOST_TEST(finish(*files, files->read(file, 0, block, 1000)) == 12u);
  BOOST_TEST(text_in(block, 12) == "twelve bytes");
}

BOOST_DATA_TEST_CASE(a_large_file_round_trips, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const std::string text = random_text(7, 5'000'003);
  finish(*files, write_whole(*files, folder / "file", text));
  BOOST_TEST((text_of(folder / "file") == text));
  BOOST_TEST((finish(*files, read_whole(*files, folder / "file", 3)) == text));
  BOOST_TEST(files->counters().bytes_read == text.size());
}

BOOST_DATA_TEST_CASE(status_tells_what_stat_tells, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const io::OpenFile file(::open(folder.with_file("file", "twelve bytes").c_str(), O_RDONLY), "file");
  const io::FileStatus status = finish(*files, files->status(file));
  struct stat expected {};
  BOOST_REQUIRE(::fstat(file.descriptor(), &expected) == 0);
  BOOST_TEST(status.size_bytes == 12u);
  BOOST_TEST(status.inode == expected.st_ino);
  BOOST_TEST(status.mode == expected.st_mode);
  BOOST_TEST(status.modified_ns == expected.st_mtim.tv_sec * 1'000'000'000 + expected.st_mtim.tv_nsec);
}

BOOST_DATA_TEST_CASE(hundreds_of_coroutines_have_operations_in_flight, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  std::vector<sched::task<void>> works;
  for (unsigned index = 0; index < 600; ++index)
    works.push_back(write_whole(*files, folder / std::to_string(index), random_text(index, 100 + index)));
  finish_all(*files, std::move(works));
  for (unsigned index = 0; index < 600; ++index)
    BOOST_TEST((text_of(folder / std::to_string(index)) == random_text(index, 100 + index)));
}

namespace {

sched::task<bool> read_elsewhere(io::Files& files, std::string path) {
  const std::thread::id before = std::this_thread::get_id();
  bool same = true;
  for (unsigned turn = 0; turn < 100; ++turn) {
    const std::string text = co_await read_whole(files, path, turn % 4);
    same = same && std::this_thread::get_id() == before && text == "twelve bytes";
  }
  co_return same;
}

}  // namespace

BOOST_DATA_TEST_CASE(a_coroutine_of_another_executor_goes_on_there, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const std::string path = folder.with_file("file", "twelve bytes");
  const auto files = make(kind);
  asio::io_context elsewhere;
  bool stayed = false;
  asio::co_spawn(elsewhere, read_elsewhere(*files, path), [&](std::exception_ptr failure, bool same) {
    stayed = same && !failure;
    files->stop();
  });
  std::thread thread([&] { elsewhere.run(); });
  files->run();
  thread.join();
  BOOST_TEST(stayed);
}

namespace {

// What an error says, as one value that a test can look at after the coroutine.
struct Failure {
  std::string path;
  std::uint64_t offset_bytes;
  int error_number;
  std::string text;
};

template <class Work>
Failure failure_of(io::Files& files, Work work) {
  try {
    static_cast<void>(finish(files, std::move(work)));
  } catch (const io::FileError& error) {
    return {error.path(), error.offset_bytes(), error.error_number(), error.what()};
  }
  return {"no failure", 0, 0, ""};
}

}  // namespace

BOOST_DATA_TEST_CASE(opening_what_is_not_there_names_the_path_and_the_reason, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const Failure failure = failure_of(*files, files->open(folder / "missing", O_RDONLY, 0));
  BOOST_TEST(failure.path == folder / "missing");
  BOOST_TEST(failure.error_number == ENOENT);
  BOOST_TEST(failure.text == folder / "missing" + ": cannot open: No such file or directory");
}

BOOST_DATA_TEST_CASE(a_failed_read_or_write_tells_the_offset, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const std::string path = folder.with_file("file", "twelve bytes");
  const io::OpenFile write_only(::open(path.c_str(), O_WRONLY), path);
  const Failure reading = failure_of(*files, files->read(write_only, 5, files->block(0), 4));
  BOOST_TEST(reading.path == path);
  BOOST_TEST(reading.offset_bytes == 5u);
  BOOST_TEST(reading.error_number == EBADF);
  BOOST_TEST(reading.text == path + ": cannot read at byte 5: Bad file descriptor");
  const io::OpenFile read_only(::open(path.c_str(), O_RDONLY), path);
  const Failure writing = failure_of(*files, files->write(read_only, 6, files->block(0).bytes));
  BOOST_TEST(writing.offset_bytes == 6u);
  BOOST_TEST(writing.error_number == EBADF);
}

BOOST_DATA_TEST_CASE(a_full_disk_is_an_error_with_advice, data::make(kinds()), kind) {
  const auto files = make(kind);
  const io::OpenFile file(::open("/dev/full", O_WRONLY), "/dev/full");
  const Failure failure = failure_of(*files, files->write(file, 0, files->block(0).bytes));
  BOOST_TEST(failure.path == "/dev/full");
  BOOST_TEST(failure.error_number == ENOSPC);
}

BOOST_DATA_TEST_CASE(replace_moves_and_takes_the_place_of_what_was_there, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const std::string one = folder.with_file("one", "1");
  const std::string two = folder.with_file("two", "2");
  finish(*files, files->replace(one, two));
  BOOST_TEST(text_of(two) == "1");
  BOOST_TEST(!std::filesystem::exists(one));
  finish(*files, files->replace(two, folder / "three"));
  BOOST_TEST(text_of(folder / "three") == "1");
  const Failure failure = failure_of(*files, files->replace(one, folder / "three"));
  BOOST_TEST(failure.error_number == ENOENT);
}

BOOST_DATA_TEST_CASE(rename_moves_and_replaces_nothing, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const std::string one = folder.with_file("one", "1");
  const std::string two = folder.with_file("two", "2");
  const Failure failure = failure_of(*files, files->rename(one, two));
  BOOST_TEST(failure.path == one);
  BOOST_TEST(failure.error_number == EEXIST);
  BOOST_TEST(text_of(two) == "2");
  finish(*files, files->rename(one, folder / "three"));
  BOOST_TEST(text_of(folder / "three") == "1");
  BOOST_TEST(!std::filesystem::exists(one));
}

BOOST_DATA_TEST_CASE(folders_and_files_are_made_and_removed, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  finish(*files, files->make_directory(folder / "new"));
  BOOST_TEST(std::filesystem::is_directory(folder / "new"));
  BOOST_TEST(failure_of(*files, files->make_directory(folder / "new")).error_number == EEXIST);
  finish(*files, write_whole(*files, folder / "new/file", "text"));
  BOOST_TEST(failure_of(*files, files->remove_directory(folder / "new")).error_number == ENOTEMPTY);
  finish(*files, files->remove_file(folder / "new/file"));
  finish(*files, files->remove_directory(folder / "new"));
  BOOST_TEST(!std::filesystem::exists(folder / "new"));
  BOOST_TEST(failure_of(*files, files->remove_file(folder / "new/file")).error_number == ENOENT);
}

BOOST_DATA_TEST_CASE(appending_goes_on_where_the_file_is, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const std::string path = folder.with_file("file", "one ");
  const io::OpenFile file(::open(path.c_str(), O_WRONLY | O_APPEND), path);
  const std::string two = "two ";
  const std::string three = "three";
  finish(*files, files->write(file, io::Files::append_position, bytes_of(two)));
  finish(*files, files->write(file, io::Files::append_position, bytes_of(three)));
  BOOST_TEST(text_of(path) == "one two three");
}

namespace {

sched::task<void> copy_from_pipe(io::Files& files, const io::OpenFile& pipe, std::size_t bytes, std::string& text) {
  while (text.size() < bytes) {
    const std::size_t count = co_await files.read(pipe, 0, files.block(0), files.block_bytes());
    text += text_in(files.block(0), count);
  }
}

}  // namespace

BOOST_DATA_TEST_CASE(more_than_a_pipe_holds_goes_through_it_whole, data::make(kinds()) * data::make({0, O_NONBLOCK}),
                     kind, flags) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const std::string path = folder.with_fifo("pipe");
  const io::OpenFile pipe(::open(path.c_str(), O_RDWR | flags), path);
  const std::string sent = random_text(3, 500'000);
  std::string received;
  std::vector<sched::task<void>> works;
  works.push_back(files->write(pipe, io::Files::append_position, bytes_of(sent)));
  works.push_back(copy_from_pipe(*files, pipe, sent.size(), received));
  finish_all(*files, std::move(works));
  BOOST_TEST((received == sent));
}

BOOST_DATA_TEST_CASE(a_closed_file_is_closed_once, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const std::string path = folder.with_file("file", "text");
  const std::size_t before = descriptors_count();
  io::OpenFile file(::open(path.c_str(), O_RDONLY), path);
  finish(*files, files->close(std::move(file)));
  BOOST_TEST(descriptors_count() == before);
  BOOST_TEST(failure_of(*files, files->close(io::OpenFile(1'000'000, path))).error_number == EBADF);
}

BOOST_DATA_TEST_CASE(opened_descriptors_are_not_inherited, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const io::OpenFile file = finish(*files, files->open(folder.with_file("file", ""), O_RDONLY, 0));
  BOOST_TEST((::fcntl(file.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
}

BOOST_AUTO_TEST_SUITE_END()
