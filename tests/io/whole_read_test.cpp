// Many small files read whole: over the ring with its own table of files, with single calls where the kernel has none,
// with a small ring, and over threads.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/system_error.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <thread>

#include "io/ring_files.hpp"
#include "tests/io/files_help.hpp"

using namespace files_help;
namespace data = boost::unit_test::data;

namespace {

int refuse_file_slots(io_uring*, unsigned) {
  return -EINVAL;
}

int refuse_buffers(io_uring*, const iovec*, unsigned) {
  return -ENOMEM;
}

// Locked memory is short: 64 entries, of which chains take two each.
int accept_a_small_ring(unsigned entries_count, io_uring* ring, io_uring_params* parameters) {
  if (parameters->cq_entries > 256) return -ENOMEM;
  return io_uring_queue_init_params(entries_count, ring, parameters);
}

// A way to read, and what makes the kernel lead to it.
struct Way {
  const char* name;
  io::FilesKind kind;
  io::RingSystem system;
  friend std::ostream& operator<<(std::ostream& out, const Way& way) { return out << way.name; }
};

std::vector<Way> ring_ways() {
  if (!ring_allowed(0)) return {};
  std::vector<Way> ways(5);
  for (Way& way : ways) way.kind = io::FilesKind::ring;
  ways[0].name = "ring";
  ways[1].name = "ring_without_file_table";
  ways[1].system.register_file_slots = refuse_file_slots;
  ways[2].name = "ring_without_buffers";
  ways[2].system.register_buffers = refuse_buffers;
  ways[3].name = "small_ring";
  ways[3].system.set_up = accept_a_small_ring;
  ways[4].name = "small_ring_without_file_table";
  ways[4].system.set_up = accept_a_small_ring;
  ways[4].system.register_file_slots = refuse_file_slots;
  return ways;
}

const std::vector<Way>& ways() {
  static const std::vector<Way> found = [] {
    std::vector<Way> all = ring_ways();
    all.push_back({"threads", io::FilesKind::threads, {}});
    return all;
  }();
  return found;
}

std::unique_ptr<io::Files> make_for(const Way& way) {
  io::FilesOptions options;
  options.kind = way.kind;
  options.blocks_count = 4;
  options.block_bytes = 512 * 1024;
  return io::make_files(options, way.system);
}

io::WholeRead read_of(const std::string& path, io::Files& files, unsigned block_index, std::size_t offset_bytes,
                      std::size_t bytes) {
  io::WholeRead read;
  read.path = path.c_str();
  read.memory = files.block(block_index).bytes.subspan(offset_bytes, bytes);
  read.block_index = block_index;
  return read;
}

std::string text_of(const io::WholeRead& read) {
  return {reinterpret_cast<const char*>(read.memory.data()), static_cast<std::size_t>(std::max(read.result, 0))};
}

// `count` files of 1 to 300 bytes.
struct SmallFiles {
  TemporaryFolder folder;
  std::vector<std::string> paths;
  std::vector<std::string> texts;

  explicit SmallFiles(unsigned count) {
    for (unsigned index = 0; index < count; ++index) {
      texts.push_back(random_text(index, 1 + index % 300));
      paths.push_back(folder.with_file(std::to_string(index), texts.back()));
    }
  }

  std::vector<io::WholeRead> reads(io::Files& files, unsigned block_index) const {
    std::vector<io::WholeRead> reads;
    for (unsigned index = 0; index < paths.size(); ++index)
      reads.push_back(read_of(paths[index], files, block_index, index * 300, 300));
    return reads;
  }

  std::size_t right_count(const std::vector<io::WholeRead>& reads) const {
    std::size_t count = 0;
    for (unsigned index = 0; index < reads.size(); ++index) count += texts[index] == text_of(reads[index]) ? 1 : 0;
    return count;
  }
};

// Waits until nobody has the pipe open for reading. (Kernels before Linux 6.3 close a slot's file a little later.)
bool is_closed(const std::string& fifo_path) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < deadline) {
    const io::OpenFile writer(::open(fifo_path.c_str(), O_WRONLY | O_NONBLOCK), fifo_path);
    if (writer.descriptor() < 0) return errno == ENXIO;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(whole_reads)

BOOST_DATA_TEST_CASE(a_file_is_read_to_its_end_or_to_the_memory_s, data::make(ways()), way) {
  const TemporaryFolder folder;
  const auto files = make_for(way);
  std::vector<std::string> paths;
  std::vector<std::string> texts;
  for (const std::size_t bytes : {0, 1, 4095, 4096, 4097, 10'000}) {
    texts.push_back(random_text(static_cast<unsigned>(bytes), bytes));
    paths.push_back(folder.with_file(std::to_string(bytes), texts.back()));
  }
  std::vector<io::WholeRead> reads;
  for (std::size_t index = 0; index < paths.size(); ++index)
    reads.push_back(read_of(paths[index], *files, 2, index * 4096, 4096));
  finish(*files, files->read_whole(reads));
  std::size_t bytes_count = 0;
  for (std::size_t index = 0; index < paths.size(); ++index) {
    BOOST_TEST(reads[index].result == static_cast<int>(std::min<std::size_t>(texts[index].size(), 4096)));
    BOOST_TEST((text_of(reads[index]) == texts[index].substr(0, 4096)));
    bytes_count += static_cast<std::size_t>(reads[index].result);
  }
  BOOST_TEST(files->counters().reads == paths.size());
  BOOST_TEST(files->counters().bytes_read == bytes_count);
}

BOOST_DATA_TEST_CASE(any_mixture_of_files_and_memory_is_read_right, data::make(ways()) * data::xrange(3u), way, seed) {
  const TemporaryFolder folder;
  const auto files = make_for(way);
  std::mt19937 random(seed);
  std::vector<std::string> paths;
  std::vector<io::WholeRead> reads;
  std::vector<std::byte> elsewhere(1000);
  for (unsigned index = 0; index < 300; ++index) {
    paths.push_back(folder / std::to_string(index));
    if (random() % 8 != 0) folder.with_file(std::to_string(index), random_text(index, random() % 2000));
  }
  for (unsigned index = 0; index < 300; ++index)
    reads.push_back(read_of(paths[index], *files, random() % 4, index * 1500, random() % 1500));
  reads[0].memory = elsewhere;
  finish(*files, files->read_whole(reads));
  for (const io::WholeRead& read : reads) {
    if (!std::filesystem::exists(read.path)) {
      BOOST_TEST(read.result == -ENOENT);
      continue;
    }
    BOOST_TEST((text_of(read) == files_help::text_of(read.path).substr(0, read.memory.size())));
    BOOST_TEST(read.result >= 0);
  }
}

BOOST_DATA_TEST_CASE(parts_of_open_files_are_read_among_whole_ones_and_stay_open, data::make(ways()), way) {
  const SmallFiles small(100);
  const std::string text = random_text(7, 100'000);
  const std::string path = small.folder.with_file("records", text);
  const auto files = make_for(way);
  const io::OpenFile records(::open(path.c_str(), O_RDONLY), path);
  std::vector<io::WholeRead> reads = small.reads(*files, 1);
  for (unsigned index = 0; index < 300; ++index) {
    io::WholeRead read = read_of(path, *files, 2, index * 500, 1 + index % 500);
    read.path = nullptr;
    read.descriptor = records.descriptor();
    read.offset_bytes = index * 7919 % 99'000;
    reads.push_back(read);
  }
  reads.back().offset_bytes = text.size();
  finish(*files, files->read_whole(reads));
  BOOST_TEST(reads.back().result == 0);
  for (std::size_t index = 100; index + 1 < reads.size(); ++index)
    BOOST_TEST((text_of(reads[index]) == text.substr(reads[index].offset_bytes, reads[index].memory.size())));
  reads.resize(100);
  BOOST_TEST(small.right_count(reads) == 100u);
  BOOST_TEST(::lseek(records.descriptor(), 0, SEEK_END) == 100'000);
}

BOOST_DATA_TEST_CASE(what_cannot_be_read_fails_by_itself, data::make(ways()), way) {
  const SmallFiles small(200);
  const auto files = make_for(way);
  const std::string fifo = small.folder.with_fifo("fifo");
  const std::vector<std::pair<std::string, int>> bad = {
      {small.folder / "missing", -ENOENT},
      {small.folder / ".", -EISDIR},
      {small.folder / "0" + "/beneath a file", -ENOTDIR},
      {small.folder / std::string(300, 'x'), -ENAMETOOLONG},
  };
  std::vector<io::WholeRead> reads = small.reads(*files, 1);
  for (const auto& [path, result] : bad) reads.insert(reads.begin() + 50, read_of(path, *files, 0, 0, 100));
  reads.insert(reads.begin() + 50, read_of(fifo, *files, 0, 0, 100));
  finish(*files, files->read_whole(reads));
  BOOST_TEST(reads[50].result <= 0);
  for (std::size_t index = 0; index < bad.size(); ++index) BOOST_TEST(reads[54 - index].result == bad[index].second);
  reads.erase(reads.begin() + 50, reads.begin() + 55);
  BOOST_TEST(small.right_count(reads) == 200u);
}

BOOST_DATA_TEST_CASE(a_pipe_that_is_silent_holds_nothing_up, data::make(ways()), way) {
  const SmallFiles small(20);
  const auto files = make_for(way);
  const std::string fifo = small.folder.with_fifo("fifo");
  const io::OpenFile writer(::open(fifo.c_str(), O_RDWR), fifo);
  std::vector<io::WholeRead> reads = small.reads(*files, 0);
  reads.push_back(read_of(fifo, *files, 1, 0, 100));
  finish(*files, files->read_whole(reads));
  BOOST_TEST(reads.back().result == -ESPIPE);
  reads.pop_back();
  BOOST_TEST(small.right_count(reads) == 20u);
}

BOOST_DATA_TEST_CASE(more_files_than_can_be_in_flight_are_all_read, data::make(ways()), way) {
  const SmallFiles small(400);
  const auto files = make_for(way);
  std::vector<io::WholeRead> reads = small.reads(*files, 3);
  finish(*files, files->read_whole(reads));
  BOOST_TEST(small.right_count(reads) == 400u);
}

BOOST_DATA_TEST_CASE(many_coroutines_read_at_once, data::make(ways()), way) {
  const SmallFiles small(300);
  const auto files = make_for(way);
  std::vector<std::vector<io::WholeRead>> reads;
  for (unsigned index = 0; index < 4; ++index) reads.push_back(small.reads(*files, index));
  for (unsigned turn = 0; turn < 5; ++turn) {
    std::vector<sched::task<void>> works;
    for (auto& some : reads) works.push_back(files->read_whole(some));
    finish_all(*files, std::move(works));
    for (const auto& some : reads) BOOST_TEST(small.right_count(some) == 300u);
  }
}

BOOST_DATA_TEST_CASE(files_are_closed_when_the_operation_ends, data::make(ways()), way) {
  const SmallFiles small(30);
  const auto files = make_for(way);
  const std::size_t descriptors_before = descriptors_count();
  const std::string fifo = small.folder.with_fifo("fifo");
  std::vector<io::WholeRead> reads = small.reads(*files, 0);
  reads.insert(reads.begin() + 7, read_of(fifo, *files, 1, 0, 100));
  finish(*files, files->read_whole(reads));
  BOOST_TEST(is_closed(fifo));
  BOOST_TEST(descriptors_count() == descriptors_before);
}

// Not in an unnamed namespace: lambdas of data-driven cases, which are templates, capture it.
struct CancelledReads {
  asio::cancellation_signal signal;
  bool ended = false;
  bool aborted = false;

  void note_end(std::exception_ptr failure) {
    ended = true;
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const asio::system_error& error) {
      aborted = error.code() == asio::error::operation_aborted;
    }
  }
};

BOOST_DATA_TEST_CASE(cancelled_in_the_middle_it_ends_and_loses_no_slot, data::make(ways()), way) {
  const SmallFiles small(500);
  const auto files = make_for(way);
  // One file so often that it takes much longer than the folder's making.
  std::vector<io::WholeRead> many;
  for (unsigned index = 0; index < 30'000; ++index)
    many.push_back(read_of(small.paths[100], *files, 0, index * 16, 16));
  for (unsigned turn = 0; turn < 3; ++turn) {
    CancelledReads cancelled;
    const auto ended = [&](std::exception_ptr failure) {
      cancelled.note_end(failure);
      files->stop();
    };
    asio::co_spawn(files->executor(), files->read_whole(many),
                   asio::bind_cancellation_slot(cancelled.signal.slot(), ended));
    finish(*files, files->make_directory(small.folder / ("meanwhile" + std::to_string(turn))));
    BOOST_TEST(!cancelled.ended);
    asio::post(files->executor(), [&] { cancelled.signal.emit(asio::cancellation_type::terminal); });
    files->run();
    BOOST_TEST(cancelled.aborted);
    BOOST_TEST(many.back().result == -ECANCELED);
    BOOST_TEST(std::ranges::count(many, 16, &io::WholeRead::result) > 0);

    std::vector<io::WholeRead> reads = small.reads(*files, 1);
    finish(*files, files->read_whole(reads));
    BOOST_TEST(small.right_count(reads) == 500u);
  }
}

BOOST_DATA_TEST_CASE(cancelled_before_it_began_it_reads_nothing, data::make(ring_ways()), way) {
  const SmallFiles small(10);
  const auto files = make_for(way);
  std::vector<io::WholeRead> reads = small.reads(*files, 0);
  CancelledReads cancelled;
  const auto ended = [&](std::exception_ptr failure) {
    cancelled.note_end(failure);
    files->stop();
  };
  asio::co_spawn(files->executor(), files->read_whole(reads),
                 asio::bind_cancellation_slot(cancelled.signal.slot(), ended));
  asio::post(files->executor(), [&] { cancelled.signal.emit(asio::cancellation_type::terminal); });
  files->run();
  BOOST_TEST(cancelled.aborted);
  BOOST_TEST(std::ranges::count(reads, -ECANCELED, &io::WholeRead::result) == 10);
  BOOST_TEST(files->counters().reads == 0u);
}

BOOST_DATA_TEST_CASE(destroyed_in_the_middle_it_leaves_nothing_open, data::make(ways()), way) {
  const SmallFiles small(300);
  const std::size_t descriptors_before = descriptors_count();
  const std::string fifo = small.folder.with_fifo("fifo");
  std::vector<io::WholeRead> reads;  // the operation's until `files` is gone
  {
    const auto files = make_for(way);
    for (unsigned index = 0; index < 30'000; ++index)
      reads.push_back(read_of(index % 50 == 0 ? fifo : small.paths[index % 300], *files, 0, index * 16, 16));
    const auto ignore = [](std::exception_ptr) {};
    asio::co_spawn(files->executor(), files->read_whole(reads), ignore);
    finish(*files, files->make_directory(small.folder / "meanwhile"));
  }
  BOOST_TEST(is_closed(fifo));
  BOOST_TEST(descriptors_count() == descriptors_before);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(whole_reads_by_ring, *boost::unit_test::precondition(ring_allowed))

BOOST_AUTO_TEST_CASE(spans_of_several_coroutines_go_down_in_one_submission) {
  const SmallFiles small(40);
  const auto files = make_for(ring_ways()[0]);
  std::vector<io::WholeRead> one = small.reads(*files, 0);
  std::vector<io::WholeRead> two = small.reads(*files, 1);
  std::vector<sched::task<void>> works;
  works.push_back(files->read_whole(one));
  works.push_back(files->read_whole(two));
  finish_all(*files, std::move(works));
  BOOST_TEST(small.right_count(one) + small.right_count(two) == 80u);
  BOOST_TEST(files->counters().reads == 80u);
  BOOST_TEST(files->counters().submissions == 1u);
}

BOOST_AUTO_TEST_CASE(the_table_of_files_is_no_part_of_the_process_descriptors) {
  const SmallFiles small(1);
  const auto files = make_for(ring_ways()[0]);
  const std::size_t next = descriptors_count();
  std::vector<io::WholeRead> many(300, small.reads(*files, 0)[0]);
  std::size_t most = 0;
  bool ended = false;
  asio::co_spawn(files->executor(), files->read_whole(many), [&](std::exception_ptr) {
    ended = true;
    files->stop();
  });
  std::function<void()> look = [&] {
    most = std::max(most, descriptors_count());
    if (!ended) asio::post(files->executor(), look);
  };
  look();
  files->run();
  BOOST_TEST(most == next);
}

BOOST_AUTO_TEST_SUITE_END()
