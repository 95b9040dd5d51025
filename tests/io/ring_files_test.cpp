// What holds for Files over the ring only, and what happens where the kernel refuses it.

#include "io/ring_files.hpp"

#include <fcntl.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>

#include "io/error.hpp"
#include "tests/io/files_help.hpp"

namespace {

using namespace files_help;

io::FilesOptions options_of(io::FilesKind kind) {
  io::FilesOptions options;
  options.kind = kind;
  options.blocks_count = 64;
  options.block_bytes = 4096;
  return options;
}

// Kernels that refuse, each in its way.
template <int error_number>
int refuse(unsigned, io_uring*, io_uring_params*) {
  return -error_number;
}

// A kernel before Linux 5.19: it knows no flag but the oldest.
int accept_no_new_flags(unsigned entries_count, io_uring* ring, io_uring_params* parameters) {
  if ((parameters->flags & ~(IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP)) != 0) return -EINVAL;
  return io_uring_queue_init_params(entries_count, ring, parameters);
}

int refuse_buffers(io_uring*, const iovec*, unsigned) {
  return -ENOMEM;
}

int accept_eight_buffers(io_uring* ring, const iovec* buffers, unsigned buffers_count) {
  if (buffers_count > 8) return -ENOMEM;
  return io_uring_register_buffers(ring, buffers, buffers_count);
}

// A kernel that counts the ring as locked memory, of which little is left.
int accept_a_small_ring(unsigned entries_count, io_uring* ring, io_uring_params* parameters) {
  if (parameters->cq_entries > 256) return -ENOMEM;
  return io_uring_queue_init_params(entries_count, ring, parameters);
}

io_uring_probe* no_probe(io_uring*) {
  return nullptr;
}

io_uring_probe* probe_without_rename(io_uring* ring) {
  io_uring_probe* const probe = io_uring_get_probe_ring(ring);
  probe->ops[IORING_OP_RENAMEAT].flags = 0;
  return probe;
}

io_uring_probe* probe_without_timeout(io_uring* ring) {
  io_uring_probe* const probe = io_uring_get_probe_ring(ring);
  probe->ops[IORING_OP_TIMEOUT].flags = 0;
  return probe;
}

// A kernel that would take a table of files, but lacks what makes it of use.
template <unsigned feature>
int accept_without(unsigned entries_count, io_uring* ring, io_uring_params* parameters) {
  const int result = io_uring_queue_init_params(entries_count, ring, parameters);
  ring->features &= ~feature;
  return result;
}

int tables_count = 0;

int count_tables(io_uring*, unsigned) {
  ++tables_count;
  return -EMFILE;
}

std::string description_with(const io::RingSystem& system) {
  return io::make_files(options_of(io::FilesKind::automatic), system)->description();
}

sched::task<void> read_many_times(io::Files& files, const io::OpenFile& file, unsigned block_index,
                                  std::size_t& total) {
  for (unsigned turn = 0; turn < 50; ++turn) {
    const std::size_t count = co_await files.read(file, turn, files.block(block_index), 100);
    total += count;
  }
}

std::size_t read_from_64_coroutines(io::Files& files, const io::OpenFile& file) {
  std::size_t total = 0;
  std::vector<sched::task<void>> works;
  for (unsigned index = 0; index < 64; ++index) works.push_back(read_many_times(files, file, index, total));
  finish_all(files, std::move(works));
  return total;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ring_files, *boost::unit_test::precondition(ring_allowed))

BOOST_AUTO_TEST_CASE(one_submission_carries_the_reads_of_many_coroutines) {
  const TemporaryFolder folder;
  const std::string path = folder.with_file("file", random_text(1, 1000));
  io::RingFiles files(options_of(io::FilesKind::ring));
  const io::OpenFile file(::open(path.c_str(), O_RDONLY), path);
  BOOST_TEST(read_from_64_coroutines(files, file) == 64 * 50 * 100u);
  const io::FileCounters counters = files.counters();
  BOOST_TEST(counters.reads == 64 * 50u);
  BOOST_TEST(counters.bytes_read == 64 * 50 * 100u);
  BOOST_TEST(counters.submissions > 0u);
  BOOST_TEST(counters.reads / counters.submissions > 4u);
}

BOOST_AUTO_TEST_CASE(without_registered_buffers_reads_are_plain_and_right) {
  const TemporaryFolder folder;
  const std::string text = random_text(2, 1000);
  const std::string path = folder.with_file("file", text);
  io::RingSystem system;
  system.register_buffers = refuse_buffers;
  io::RingFiles files(options_of(io::FilesKind::ring), system);
  BOOST_TEST(files.blocks_registered_count() == 0u);
  const io::OpenFile file(::open(path.c_str(), O_RDONLY), path);
  BOOST_TEST(finish(files, files.read(file, 10, files.block(5), 100)) == 100u);
  BOOST_TEST((text_in(files.block(5), 100) == text.substr(10, 100)));
}

BOOST_AUTO_TEST_CASE(as_many_blocks_are_registered_as_the_kernel_takes) {
  const TemporaryFolder folder;
  const std::string text = random_text(2, 1000);
  const std::string path = folder.with_file("file", text);
  io::RingSystem system;
  system.register_buffers = accept_eight_buffers;
  io::RingFiles files(options_of(io::FilesKind::ring), system);
  BOOST_TEST(files.blocks_registered_count() == 8u);
  const io::OpenFile file(::open(path.c_str(), O_RDONLY), path);
  for (const unsigned index : {7u, 8u}) {
    BOOST_TEST(finish(files, files.read(file, 10, files.block(index), 100)) == 100u);
    BOOST_TEST((text_in(files.block(index), 100) == text.substr(10, 100)));
  }
}

BOOST_AUTO_TEST_CASE(where_locked_memory_is_short_a_small_ring_does) {
  const TemporaryFolder folder;
  const std::string path = folder.with_file("file", random_text(1, 1000));
  io::RingSystem system;
  system.set_up = accept_a_small_ring;
  io::RingFiles files(options_of(io::FilesKind::ring), system);
  const io::OpenFile file(::open(path.c_str(), O_RDONLY), path);
  BOOST_TEST(read_from_64_coroutines(files, file) == 64 * 50 * 100u);
}

BOOST_AUTO_TEST_CASE(a_table_of_files_is_asked_for_only_where_it_is_of_use) {
  io::RingSystem system;
  system.register_file_slots = count_tables;
  tables_count = 0;
  io::RingFiles(options_of(io::FilesKind::ring), system);
  BOOST_TEST(tables_count == 1);
  system.set_up = accept_without<IORING_FEAT_CQE_SKIP>;
  io::RingFiles(options_of(io::FilesKind::ring), system);
  system.set_up = accept_without<IORING_FEAT_LINKED_FILE>;
  io::RingFiles(options_of(io::FilesKind::ring), system);
  BOOST_TEST(tables_count == 1);
}

BOOST_AUTO_TEST_CASE(an_older_kernel_gets_fewer_flags) {
  const TemporaryFolder folder;
  const std::string path = folder.with_file("file", random_text(1, 1000));
  io::RingSystem system;
  system.set_up = accept_no_new_flags;
  io::RingFiles files(options_of(io::FilesKind::ring), system);
  const io::OpenFile file(::open(path.c_str(), O_RDONLY), path);
  BOOST_TEST(read_from_64_coroutines(files, file) == 64 * 50 * 100u);
}

BOOST_AUTO_TEST_CASE(destruction_ends_even_the_opening_of_a_pipe_that_nobody_writes_to) {
  const TemporaryFolder folder;
  io::RingFiles files(options_of(io::FilesKind::ring));
  const auto ignore = [](std::exception_ptr, const io::OpenFile&) {};
  asio::co_spawn(files.executor(), files.open(folder.with_fifo("pipe"), O_RDONLY, 0), ignore);
  finish(files, files.make_directory(folder / "meanwhile"));
}

BOOST_AUTO_TEST_CASE(an_allowed_ring_is_taken_and_named) {
  BOOST_TEST(description_with(io::RingSystem{}) == "io_uring");
}

BOOST_AUTO_TEST_CASE(a_kernel_that_lacks_an_operation_leads_to_threads) {
  io::RingSystem system;
  system.probe = no_probe;
  BOOST_TEST(description_with(system) == "threads (io_uring refused: the kernel is too old to say what it supports)");
  system.probe = probe_without_rename;
  BOOST_TEST(description_with(system) == "threads (io_uring refused: the kernel lacks RENAMEAT)");
  system.probe = probe_without_timeout;
  BOOST_TEST(description_with(system) == "threads (io_uring refused: the kernel lacks TIMEOUT)");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ring_refused)

BOOST_AUTO_TEST_CASE(a_refused_ring_leads_to_threads_with_the_reason) {
  io::RingSystem system;
  system.set_up = refuse<EPERM>;
  BOOST_TEST(description_with(system) == "threads (io_uring refused: Operation not permitted)");
  system.set_up = refuse<ENOSYS>;
  BOOST_TEST(description_with(system) == "threads (io_uring refused: Function not implemented)");
  system.set_up = refuse<ENOMEM>;
  BOOST_TEST(description_with(system) == "threads (io_uring refused: Cannot allocate memory)");
  system.set_up = refuse<EINVAL>;
  BOOST_TEST(description_with(system) == "threads (io_uring refused: Invalid argument)");
}

BOOST_AUTO_TEST_CASE(the_fallback_reads_files) {
  const TemporaryFolder folder;
  const std::string path = folder.with_file("file", "twelve bytes");
  io::RingSystem system;
  system.set_up = refuse<EPERM>;
  const auto files = io::make_files(options_of(io::FilesKind::automatic), system);
  const io::OpenFile file(::open(path.c_str(), O_RDONLY), path);
  BOOST_TEST(finish(*files, files->read(file, 0, files->block(0), 100)) == 12u);
  BOOST_TEST(files->counters().reads == 1u);
  BOOST_TEST(files->counters().submissions == 0u);
}

BOOST_AUTO_TEST_CASE(a_ring_that_was_asked_for_and_is_refused_is_an_error) {
  io::RingSystem system;
  system.set_up = refuse<EPERM>;
  BOOST_CHECK_EXCEPTION(
      io::make_files(options_of(io::FilesKind::ring), system), io::FileError, [](const io::FileError& error) {
        return error.error_number() == EPERM && std::string(error.what()).find("--io threads") != std::string::npos;
      });
}

BOOST_AUTO_TEST_CASE(threads_that_were_asked_for_give_no_reason) {
  BOOST_TEST(io::make_files(options_of(io::FilesKind::threads))->description() == "threads");
}

BOOST_AUTO_TEST_SUITE_END()
