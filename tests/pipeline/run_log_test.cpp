// A run's logs hold whole lines, all of them, whichever way the run ends and whichever write fails.

#include "pipeline/run_log.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>

#include "pipeline/run_on.hpp"
#include "tests/io/failing_files.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

namespace data = boost::unit_test::data;

constexpr unsigned lines_count = 20;
constexpr unsigned never = std::numeric_limits<unsigned>::max();

std::string line_of(unsigned number) {
  return "line " + std::to_string(number) + "\n";
}

sched::task<void> log_lines(io::Files& files, const std::string& path, bool run_fails) {
  pipeline::RunLog log(files, path);
  co_await log.open(0);
  for (unsigned number = 0; number < lines_count; ++number) co_await log.append_soon(line_of(number));
  if (run_fails) throw std::runtime_error("the run fails");
  co_await log.close();
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string all_lines() {
  std::string lines;
  for (unsigned number = 0; number < lines_count; ++number) lines += line_of(number);
  return lines;
}

}  // namespace

BOOST_AUTO_TEST_CASE(lines_that_were_held_back_are_written_at_the_end) {
  const tests::TemporaryFolder folder;
  const std::string path = (folder.path() / "log").string();
  const auto files = io::make_files({});
  pipeline::run_on(*files, log_lines(*files, path, false));
  BOOST_TEST(contents(path) == all_lines());
}

BOOST_AUTO_TEST_CASE(lines_that_were_held_back_are_written_when_the_run_fails) {
  const tests::TemporaryFolder folder;
  const std::string path = (folder.path() / "log").string();
  const auto files = io::make_files({});
  BOOST_CHECK_THROW(pipeline::run_on(*files, log_lines(*files, path, true)), std::runtime_error);
  BOOST_TEST(contents(path) == all_lines());
}

// Operation 0 opens; the first line is written at once, the others before the end.
BOOST_DATA_TEST_CASE(a_write_that_fails_leaves_whole_lines, data::make({1u, 2u, 3u}) * data::make({false, true}), first,
                     for_good) {
  const tests::TemporaryFolder folder;
  const std::string path = (folder.path() / "log").string();
  tests::FailingFiles files(io::make_files({}), first, for_good ? never : first);
  bool failed = false;
  try {
    pipeline::run_on(files, log_lines(files, path, false));
  } catch (const io::FileError&) {
    failed = true;
  }
  const std::string found = contents(path);
  BOOST_TEST((found.empty() || found.back() == '\n'));
  BOOST_TEST(all_lines().starts_with(found));
  if (!failed) BOOST_TEST(found == all_lines());
}
