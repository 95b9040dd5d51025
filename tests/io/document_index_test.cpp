#include "io/document_index.hpp"

#include <xxhash.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "io/document_index_writer.hpp"
#include "io/error.hpp"
#include "tests/io/files_help.hpp"
#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;
using namespace files_help;
using Line = io::LineFinder::Line;
using Location = io::DocumentIndex::Location;

namespace io {
std::ostream& operator<<(std::ostream& out, const Location& at) {
  return out << at.file << '#' << at.number_in_file << " [" << at.begin_bytes << ", " << at.end_bytes << ')';
}
}  // namespace io

namespace {

constexpr std::uint64_t manifest = 0x1234'5678'9ABC'DEF0u;

/// A file of a made-up corpus: of lines, or with documents that take no entries.
struct MadeFile {
  std::uint64_t size_bytes = 0;
  std::uint64_t without_entries = 0;
  std::vector<Line> lines;
};

sched::task<void> write(io::Files& files, std::string path, const std::vector<MadeFile>& made) {
  io::DocumentIndexWriter writer(files, path, manifest);
  co_await writer.open();
  for (const MadeFile& file : made) {
    writer.begin_file(file.size_bytes);
    std::span<const Line> lines(file.lines);
    while (!lines.empty()) {  // as they are found: some at a time
      const std::span<const Line> some = lines.first(std::min<std::size_t>(lines.size(), 1000));
      co_await writer.add(some);
      lines = lines.subspan(some.size());
    }
    if (file.without_entries > 0) writer.add_without_entries(file.without_entries);
  }
  co_await writer.finish();
}

sched::task<std::vector<Location>> locate(io::Files& files, std::string path, std::vector<std::uint64_t> numbers) {
  const std::unique_ptr<io::DocumentIndex> index = co_await io::DocumentIndex::open(files, path, manifest);
  std::vector<Location> found = {{9, 9, 9, 9}};  // what was in it before is gone
  co_await index->locate(numbers, found);
  co_await index->close();
  co_return found;
}

sched::task<std::vector<std::uint64_t>> first_documents(io::Files& files, std::string path) {
  const std::unique_ptr<io::DocumentIndex> index = co_await io::DocumentIndex::open(files, path, manifest);
  std::vector<std::uint64_t> first;
  for (std::size_t file = 0; file <= index->files_count(); ++file) first.push_back(index->first_document(file));
  co_await index->close();
  co_return first;
}

sched::task<void> open_only(io::Files& files, std::string path, std::uint64_t hash) {
  const std::unique_ptr<io::DocumentIndex> index = co_await io::DocumentIndex::open(files, path, hash);
  co_await index->close();
}

sched::task<void> verify(io::Files& files, std::string path) {
  const std::unique_ptr<io::DocumentIndex> index = co_await io::DocumentIndex::open(files, path, manifest);
  co_await index->verify();
  co_await index->close();
}

/// Files of all sorts, empty ones among them; now and then a document too long for its length to be written down.
std::vector<MadeFile> random_corpus(std::uint32_t seed, std::size_t files_count, std::size_t lines_max) {
  std::mt19937_64 random(seed);
  std::vector<MadeFile> made(files_count);
  for (MadeFile& file : made) {
    if (random() % 3 == 0) {
      file.without_entries = random() % 3;
      file.size_bytes = random() % 1000;
      continue;
    }
    std::uint64_t at = random() % 3;
    for (std::size_t lines = random() % (lines_max + 1); lines > 0; --lines) {
      const std::uint64_t length = 1 + (random() % 50 == 0 ? 0xFFFFFFF0u + random() % 32 : random() % 3000);
      file.lines.push_back({at, at + length});
      at += length + 1 + (random() % 4 == 0 ? random() % 100 : 0);  // blank lines in between
    }
    file.size_bytes = at;
  }
  return made;
}

/// Where every document is; a long one goes on to the next.
std::vector<Location> expected_locations(const std::vector<MadeFile>& made) {
  std::vector<Location> all;
  for (std::size_t file = 0; file < made.size(); ++file) {
    for (std::uint64_t number = 0; number < made[file].without_entries; ++number)
      all.push_back({file, number, 0, made[file].size_bytes});
    const std::vector<Line>& lines = made[file].lines;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const bool lengthy = lines[i].end_bytes - lines[i].begin_bytes >= 0xFFFFFFFF;
      const std::uint64_t next = i + 1 < lines.size() ? lines[i + 1].begin_bytes : made[file].size_bytes;
      all.push_back({file, i, lines[i].begin_bytes, lengthy ? next : lines[i].end_bytes});
    }
  }
  return all;
}

std::vector<std::uint64_t> numbers_below(std::uint64_t count) {
  std::vector<std::uint64_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), std::uint64_t{0});
  return numbers;
}

/// More entries than are held in memory: 8 MiB of 10 bytes each.
std::vector<MadeFile> large_corpus() {
  std::vector<MadeFile> made = random_corpus(1, 20, 1000);
  MadeFile large;
  for (std::uint64_t i = 0; i < 900'000; ++i) large.lines.push_back({i * 10, i * 10 + 1 + i % 9});
  large.size_bytes = 9'000'000;
  made.insert(made.begin() + 7, large);
  return made;
}

struct Prepared {
  explicit Prepared(const std::vector<MadeFile>& made, const Kind& kind = kinds().front()) : files(make(kind)) {
    finish(*files, write(*files, folder / "index", made));
  }
  void overwrite(std::size_t offset, const std::string& bytes) const {
    std::fstream file(folder / "index", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file << bytes;
  }
  TemporaryFolder folder;
  std::unique_ptr<io::Files> files;
};

std::string refusal(const Prepared& prepared, std::uint64_t hash = manifest) {
  try {
    finish(*prepared.files, open_only(*prepared.files, prepared.folder / "index", hash));
  } catch (const io::DocumentIndexError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(document_index)

BOOST_DATA_TEST_CASE(every_document_is_found_where_it_was, data::make(kinds()) * data::make(seeds(30)), kind, seed) {
  const std::vector<MadeFile> made = random_corpus(seed, seed % 12, 40);
  const std::vector<Location> expected = expected_locations(made);
  const Prepared prepared(made, kind);
  const std::vector<std::uint64_t> numbers = numbers_below(expected.size());
  BOOST_TEST(finish(*prepared.files, locate(*prepared.files, prepared.folder / "index", numbers)) == expected,
             boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(documents_are_found_in_any_order_in_an_index_on_disk, data::make(kinds()), kind) {
  const std::vector<MadeFile> made = large_corpus();
  const std::vector<Location> all = expected_locations(made);
  const Prepared prepared(made, kind);
  std::mt19937_64 random(5);
  std::vector<std::uint64_t> numbers = numbers_below(all.size());
  std::shuffle(numbers.begin(), numbers.end(), random);
  numbers.resize(20'000);
  numbers.insert(numbers.end(), {0, all.size() - 1, 7, 7, 8, 9, numbers.front()});
  std::vector<Location> expected;
  for (const std::uint64_t number : numbers) expected.push_back(all[number]);
  const auto found = finish(*prepared.files, locate(*prepared.files, prepared.folder / "index", numbers));
  BOOST_TEST((found == expected));
}

BOOST_AUTO_TEST_CASE(neighbours_are_read_together) {
  const Prepared prepared(large_corpus());
  const std::uint64_t before = prepared.files->counters().reads;
  std::vector<std::uint64_t> numbers(5'000);
  std::iota(numbers.begin(), numbers.end(), std::uint64_t{100'000});
  finish(*prepared.files, locate(*prepared.files, prepared.folder / "index", numbers));
  BOOST_TEST(prepared.files->counters().reads - before < 6u);  // header, table, and 50,000 bytes of entries
}

BOOST_AUTO_TEST_CASE(numbers_run_over_the_files_in_order) {
  const std::vector<MadeFile> made = {{5, 1, {}}, {0, 0, {}},    {9, 0, {{0, 2}, {4, 6}}},
                                      {0, 1, {}}, {100, 30, {}}, {0, 0, {}}};
  const Prepared prepared(made);
  const std::vector<std::uint64_t> expected = {0, 1, 1, 3, 4, 34, 34};
  BOOST_TEST(finish(*prepared.files, first_documents(*prepared.files, prepared.folder / "index")) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_bytes_are_those_of_the_specification) {
  const Prepared prepared({{0x77, 1, {}}, {0x0102030405FF, 0, {{0x010203040506, 0x010203040508}}}});
  const std::string text = text_of(prepared.folder / "index");
  std::string expected = "icosaidx";
  const auto put = [&expected](std::uint64_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) expected += static_cast<char>(number >> (8 * i));
  };
  const std::string entry("\x06\x05\x04\x03\x02\x01\x02\0\0\0", 10);
  std::string table;
  expected.swap(table);
  for (const std::uint64_t number : {0x0u, 0x0u, 0x77u, 0x1u, 0x0u}) put(number, 8);
  put(0x0102030405FF, 8);
  expected.swap(table);
  put(1, 4);
  put(0, 4);
  for (const std::uint64_t number : {std::uint64_t{2}, std::uint64_t{2}, std::uint64_t{1}, manifest}) put(number, 8);
  put(XXH3_64bits(entry.data(), entry.size()), 8);
  put(XXH3_64bits(table.data(), table.size()), 8);
  put(XXH3_64bits(expected.data(), 64), 8);
  BOOST_TEST((text == expected + entry + table));
}

BOOST_AUTO_TEST_CASE(an_index_replaces_the_one_before_and_leaves_no_other_file) {
  Prepared prepared({{5, 1, {}}});
  prepared.folder.with_file(
      "index.tmp", "left by a process that died, and longer than what will be written " + std::string(500, 'x'));
  finish(*prepared.files, write(*prepared.files, prepared.folder / "index", {{0, 7, {}}}));
  const std::vector<std::uint64_t> expected = {0, 7};
  BOOST_TEST(finish(*prepared.files, first_documents(*prepared.files, prepared.folder / "index")) == expected,
             boost::test_tools::per_element());
  BOOST_TEST(!std::filesystem::exists(prepared.folder / "index.tmp"));
}

namespace {

sched::task<void> begin_and_abandon(io::Files& files, std::string path) {
  io::DocumentIndexWriter writer(files, path, manifest);
  co_await writer.abandon();  // nothing is there yet
  co_await writer.open();
  writer.begin_file(5);
  co_await writer.abandon();
}

sched::task<void> add_line(io::Files& files, std::string path, Line line) {
  io::DocumentIndexWriter writer(files, path, manifest);
  co_await writer.open();
  writer.begin_file(line.end_bytes);
  const std::span<const Line> lines(&line, 1);
  co_await writer.add(lines);
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_abandoned_index_leaves_the_one_before_and_nothing_else) {
  Prepared prepared({{5, 1, {}}});
  finish(*prepared.files, begin_and_abandon(*prepared.files, prepared.folder / "index"));
  BOOST_TEST(refusal(prepared) == "");
  BOOST_TEST(!std::filesystem::exists(prepared.folder / "index.tmp"));
}

BOOST_AUTO_TEST_CASE(a_document_beyond_256_tebibytes_is_refused) {
  Prepared prepared({});
  const std::uint64_t limit = std::uint64_t{1} << 48;
  finish(*prepared.files, add_line(*prepared.files, prepared.folder / "x", {limit - 1, limit + 9}));
  BOOST_CHECK_THROW(finish(*prepared.files, add_line(*prepared.files, prepared.folder / "x", {limit, limit + 1})),
                    io::DocumentIndexError);
}

BOOST_AUTO_TEST_CASE(an_index_of_other_files_is_refused) {
  const Prepared prepared({{5, 1, {}}});
  BOOST_TEST(refusal(prepared, manifest + 1) == prepared.folder / "index: the index belongs to other files");
}

BOOST_AUTO_TEST_CASE(an_index_that_is_not_there_is_an_error_of_files) {
  const Prepared prepared({});
  BOOST_CHECK_THROW(finish(*prepared.files, open_only(*prepared.files, prepared.folder / "none", manifest)),
                    io::FileError);
}

BOOST_AUTO_TEST_CASE(every_changed_byte_of_a_small_index_is_noticed) {
  const Prepared prepared(random_corpus(3, 6, 5));
  const std::string text = text_of(prepared.folder / "index");
  BOOST_REQUIRE(refusal(prepared) == "");
  for (std::size_t offset = 0; offset < text.size(); ++offset) {
    prepared.overwrite(offset, std::string(1, static_cast<char>(text[offset] ^ 0x10)));
    BOOST_TEST(refusal(prepared) != "", "byte " << offset);
    prepared.overwrite(offset, std::string(1, text[offset]));
  }
  BOOST_TEST(refusal(prepared) == "");
}

BOOST_AUTO_TEST_CASE(an_index_of_another_length_is_refused) {
  const Prepared prepared(random_corpus(3, 6, 5));
  const auto size = std::filesystem::file_size(prepared.folder / "index");
  prepared.overwrite(size, "x");
  BOOST_TEST(refusal(prepared) != "");
  for (const std::uintmax_t shorter : {size - 1, std::uintmax_t{71}, std::uintmax_t{1}, std::uintmax_t{0}}) {
    std::filesystem::resize_file(prepared.folder / "index", shorter);
    BOOST_TEST(refusal(prepared) != "", shorter);
  }
}

BOOST_AUTO_TEST_CASE(damage_in_a_large_index_is_found_by_verify_or_by_its_bounds) {
  const Prepared prepared(large_corpus());
  const std::string path = prepared.folder / "index";
  finish(*prepared.files, verify(*prepared.files, path));
  prepared.overwrite(72 + 10 * 500'000 + 5, "\x7F");
  BOOST_TEST(refusal(prepared) == "");
  BOOST_CHECK_THROW(finish(*prepared.files, verify(*prepared.files, path)), io::DocumentIndexError);
  BOOST_CHECK_THROW(finish(*prepared.files, locate(*prepared.files, path, numbers_below(600'000))),
                    io::DocumentIndexError);
}

BOOST_AUTO_TEST_CASE(a_table_that_contradicts_itself_is_refused) {
  const auto read = [](std::vector<io::DocumentIndexFile> table) {
    const std::vector<std::byte> bytes = io::bytes_of(table);
    io::DocumentIndexHeader header;
    header.files_count = table.size();
    header.documents_count = 10;
    header.entries_count = 6;
    header.table_checksum = XXH3_64bits(bytes.data(), bytes.size());
    io::read_document_index_table(bytes, header);
  };
  read({{0, 0, 5}, {3, 0, 5}, {9, 6, 5}, {10, 6, 5}});
  BOOST_CHECK_THROW(read({{1, 0, 5}, {4, 0, 5}, {10, 6, 5}}), io::DocumentIndexError);  // begins with document 1
  BOOST_CHECK_THROW(read({{0, 0, 5}, {4, 0, 5}, {3, 6, 5}}), io::DocumentIndexError);   // runs back
  BOOST_CHECK_THROW(read({{0, 0, 5}, {3, 0, 5}, {10, 6, 5}}), io::DocumentIndexError);  // 7 documents, 6 entries
  BOOST_CHECK_THROW(read({{0, 0, 5}, {5, 0, 5}, {11, 6, 5}}), io::DocumentIndexError);  // past the last document
}

BOOST_AUTO_TEST_SUITE_END()
