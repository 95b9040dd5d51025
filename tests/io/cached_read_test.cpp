// Reads that answer only from memory, and reads past it.

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>

#include "tests/io/files_help.hpp"

namespace {

using namespace files_help;
namespace data = boost::unit_test::data;

// Whether the file system can tell what is in memory: tmpfs cannot, though all is.
bool can_tell(const io::OpenFile& file, off_t offset) {
  char byte = 0;
  const iovec memory = {&byte, 1};
  return ::preadv2(file.descriptor(), &memory, 1, offset, RWF_NOWAIT) == 1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cached_reads)

BOOST_DATA_TEST_CASE(what_is_in_memory_is_read, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const std::string text = random_text(1, 20'000);
  const std::string path = folder.with_file("file", text);
  const auto files = make(kind);
  const io::OpenFile file(::open(path.c_str(), O_RDONLY), path);
  const bool told = can_tell(file, 100);
  const auto count = finish(*files, files->read_cached(file, 100, files->block(1), 10'000));
  BOOST_TEST(count.has_value() == told);
  BOOST_TEST(files->counters().reads == (told ? 1u : 0u));
  if (!told) return;
  BOOST_TEST(*count == 10'000u);
  BOOST_TEST((text_in(files->block(1), *count) == text.substr(100, 10'000)));
  BOOST_TEST(finish(*files, files->read_cached(file, 19'990, files->block(1), 100)).value() == 10u);
  BOOST_TEST(finish(*files, files->read_cached(file, 20'000, files->block(1), 100)).value() == 0u);
}

BOOST_DATA_TEST_CASE(what_is_on_disk_only_is_not_waited_for, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const std::string text = random_text(1, 4'000'000);
  const std::string path = folder.with_file("file", text);
  const auto files = make(kind);
  const io::OpenFile file(::open(path.c_str(), O_RDONLY), path);
  BOOST_REQUIRE(::fsync(file.descriptor()) == 0);
  BOOST_REQUIRE(::posix_fadvise(file.descriptor(), 0, 0, POSIX_FADV_DONTNEED) == 0);
  BOOST_TEST(!finish(*files, files->read_cached(file, 3'000'000, files->block(0), 50'000)));
  BOOST_TEST(files->counters().reads == 0u);
  // The ordinary read waits, and then it is in memory.
  BOOST_TEST(finish(*files, files->read(file, 3'000'000, files->block(0), 50'000)) == 50'000u);
  BOOST_TEST((text_in(files->block(0), 50'000) == text.substr(3'000'000, 50'000)));
  const auto count = finish(*files, files->read_cached(file, 3'000'000, files->block(0), 50'000));
  BOOST_TEST(count.has_value() == can_tell(file, 3'000'000));
}

BOOST_DATA_TEST_CASE(a_pipe_cannot_be_read_from_memory, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const auto files = make(kind);
  const std::string path = folder.with_fifo("fifo");
  const io::OpenFile pipe(::open(path.c_str(), O_RDWR), path);
  BOOST_TEST(!finish(*files, files->read_cached(pipe, 0, files->block(0), 100)));
}

BOOST_DATA_TEST_CASE(past_the_cache_reads_are_whole_pages_and_a_tail, data::make(kinds()), kind) {
  const TemporaryFolder folder;
  const std::string text = random_text(1, 10'000);
  const std::string path = folder.with_file("file", text);
  const auto files = make(kind);
  const io::OpenFile file(::open(path.c_str(), O_RDONLY | O_DIRECT), path);
  if (file.descriptor() < 0) {
    BOOST_TEST(errno == EINVAL);
    BOOST_TEST_MESSAGE("this file system knows no O_DIRECT");
    return;
  }
  std::string read;
  for (const std::size_t expected : {4096u, 4096u, 1808u, 0u}) {
    const std::size_t count =
        finish(*files, files->read(file, (read.size() + 4095) / 4096 * 4096, files->block(2), 4096));
    BOOST_TEST(count == expected);
    read += text_in(files->block(2), count);
  }
  BOOST_TEST((read == text));
  BOOST_TEST(finish(*files, files->read(file, 4096, files->block(3), 65'536)) == 5904u);
  BOOST_TEST((text_in(files->block(3), 5904) == text.substr(4096)));
}

BOOST_AUTO_TEST_SUITE_END()
