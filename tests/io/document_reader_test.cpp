#include "io/document_reader.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/json_record.hpp"
#include "io/long_document.hpp"
#include "tests/io/files_help.hpp"
#include "tests/support/corpus_folder.hpp"
#include "tests/support/delayed_files.hpp"

namespace {

namespace data = boost::unit_test::data;

/// What a consumer saw of one document.
struct Seen {
  std::string path;
  std::uint64_t begin_bytes = 0;
  std::string text;
  std::string skip;  // the reason
  bool operator==(const Seen&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Seen& seen) {
    return out << seen.path << " at " << seen.begin_bytes << ", " << seen.text.size()
               << " bytes: " << seen.text.substr(0, 60) << seen.skip;
  }
};

class InOrder final : public io::StretchOrder {
 public:
  explicit InOrder(const std::vector<io::Source>& sources) : sources_(sources) {}
  sched::task<bool> next(io::Stretch& stretch) override {
    if (at_ == sources_.size()) co_return false;
    stretch = io::whole_file(sources_[at_], at_);
    ++at_;
    co_return true;
  }

 private:
  const std::vector<io::Source>& sources_;
  std::size_t at_ = 0;
};

sched::task<void> look_at(io::Files& files, const io::RawDocument& document, io::JsonRecordReader& records,
                          std::vector<Seen>& seen) {
  Seen& one = seen.emplace_back();
  one.path = document.source->path;
  one.begin_bytes = document.begin_bytes;
  one.skip = document.reason;
  if (document.kind == io::RawDocument::Kind::lengthy) {
    io::LongDocument reader(files, document, io::TextKey("text"));
    for (std::string piece;;) {
      const bool more = co_await reader.next(piece);
      if (!more) break;
      seen.back().text += piece;
    }
  } else if (document.kind == io::RawDocument::Kind::whole) {
    if (document.source->format == io::Format::json_lines) {
      const io::JsonRecordReader::Record record = records.read(document.bytes);
      one.text = record.text;
      if (record.damage != nullptr) one.skip = record.damage;
    } else {
      one.text = document.bytes;
    }
  }
}

sched::task<void> consume(io::Files& files, io::DocumentReader& reader, std::size_t stop_after,
                          std::vector<Seen>& seen) {
  io::JsonRecordReader records{io::TextKey("text")};
  while (seen.size() < stop_after) {
    std::optional<io::Slab> slab = co_await reader.next();
    if (!slab) break;
    for (const io::RawDocument& document : slab->documents) co_await look_at(files, document, records, seen);
    reader.give_back(std::move(*slab));
  }
  reader.stop();
}

sched::task<void> read_all(io::Files& files, const std::vector<io::Source>& sources, io::DocumentOptions options,
                           std::size_t stop_after, std::vector<Seen>& seen) {
  InOrder order(sources);
  io::DocumentReader reader(files, files.executor(), order, {0, files.blocks_count()}, std::move(options));
  sched::Scope scope(files.executor());
  co_await scope.open();
  reader.start(scope);
  scope.spawn(files.executor(), consume(files, reader, stop_after, seen));
  co_await scope.join();
}

struct Reading {
  unsigned seed = 0;
  io::FilesKind kind = io::FilesKind::automatic;
  unsigned blocks_count = 5;
  std::size_t block_bytes = 8192;
  std::size_t held_bytes_max = 3000;
  unsigned failures_per_thousand = 0;
  std::size_t stop_after = ~std::size_t{0};
};

std::vector<Seen> read(const std::vector<io::Source>& sources, const Reading& reading) {
  io::FilesOptions files_options;
  files_options.kind = reading.kind;
  files_options.blocks_count = reading.blocks_count;
  files_options.block_bytes = reading.block_bytes;
  tests::DelayedFiles files(io::make_files(files_options), reading.seed, reading.failures_per_thousand);
  io::DocumentOptions options;
  options.held_bytes_max = reading.held_bytes_max;
  std::vector<Seen> seen;
  files_help::finish(files, read_all(files, sources, options, reading.stop_after, seen));
  if (reading.failures_per_thousand != 0) BOOST_TEST(files.failures_count() > 0u);
  return seen;
}

std::vector<std::string> texts_of(const std::vector<Seen>& seen) {
  std::vector<std::string> texts;
  for (const Seen& one : seen) {
    BOOST_TEST(one.skip == "");
    texts.push_back(one.text);
  }
  return texts;
}

io::Source source(const tests::CorpusFolder& corpus, const std::string& name) {
  const auto found = io::find_corpus({corpus.path() + "/" + name});
  return found.sources.front();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(document_reader)

BOOST_DATA_TEST_CASE(documents_do_not_depend_on_completions_blocks_and_memory, data::xrange(12), seed) {
  tests::CorpusFolder corpus(static_cast<unsigned>(seed));
  corpus.add_everything(9000);
  const auto sources = io::find_corpus({corpus.path()}).sources;
  Reading reading;
  reading.seed = static_cast<unsigned>(seed);
  reading.kind = seed % 2 == 0 ? io::FilesKind::automatic : io::FilesKind::threads;
  reading.blocks_count = 1 + static_cast<unsigned>(seed) % 6;
  reading.block_bytes = 8192u << (seed % 4);
  reading.held_bytes_max = seed % 3 == 0 ? 100000 : 500u << (seed % 3);
  reading.failures_per_thousand = seed % 4 == 3 ? 200 : 0;
  BOOST_TEST(texts_of(read(sources, reading)) == corpus.texts(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_damaged_is_skipped_with_its_place_and_nothing_of_it_is_handed_on) {
  tests::CorpusFolder corpus(1);
  std::mt19937& random = corpus.random();
  const std::string long_text = tests::text_of(random, 9000);
  corpus.add_file("a", "fine");
  corpus.add_file("b", long_text + "\xc3(");
  corpus.add_file("c", std::string("a\0b", 3));
  corpus.add_file("d.txt", tests::gzip("compressed"));
  corpus.add_file("e.txt.gz", "not compressed");
  corpus.add_file("f.txt.gz", tests::gzip(long_text).substr(0, 900));
  corpus.add_file("g", "");
  std::string damaged = tests::zstd(long_text);
  damaged[damaged.size() / 2] ^= 0x55;
  corpus.add_file("h.zst", damaged);
  corpus.add_file("j.jsonl", "{\"text\": \"" + std::string(5000, 'x') + "\n{\"text\": \"y\"}");
  corpus.add_file("k", "fine too");
  auto sources = io::find_corpus({corpus.path()}).sources;
  sources.insert(sources.begin() + 8, {corpus.path() + "/i", "i", 5});
  sources.insert(sources.begin() + 8, {corpus.path() + "/i2", "i2", 50000});
  sources.front().size_bytes = 3;  // has grown since it was found
  const std::vector<Seen> seen = read(sources, {});
  const auto skip = [](std::string path, std::uint64_t offset_bytes, std::string reason) {
    return Seen{std::move(path), offset_bytes, "", std::move(reason)};
  };
  const std::string at = corpus.path() + "/";
  const std::vector<Seen> expected = {
      skip(at + "a", 0, "the file is not as long as when the run began (3 bytes)"),
      skip(at + "b", long_text.size(), "invalid UTF-8"),
      skip(at + "c", 0, io::binary_reason),
      skip(at + "d.txt", 0, "gzip data in a file whose name does not end in .gz; rename it"),
      skip(at + "e.txt.gz", 0, "damaged gzip data: no member begins where one should"),
      skip(at + "f.txt.gz", seen.at(5).begin_bytes, "truncated gzip data: the file ends within a member"),
      Seen{at + "g", 0, "", ""},
      skip(at + "h.zst", seen.at(7).begin_bytes, seen.at(7).skip),
      skip(at + "i2", 0, "No such file or directory"),
      skip(at + "i", 0, "No such file or directory"),
      skip(at + "j.jsonl", 0, io::json_damage::cut_off),
      Seen{at + "j.jsonl", 5011, "y", ""},
      Seen{at + "k", 0, "fine too", ""}};
  BOOST_TEST(seen == expected, boost::test_tools::per_element());
  BOOST_TEST(seen[7].skip.find("zstd data") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_comes_before_damage_in_an_archive_is_read) {
  tests::CorpusFolder corpus(3);
  const std::vector<std::string> texts = corpus.make_texts(50, 300);
  const std::string lines = tests::json_lines(corpus.random(), texts);
  corpus.add_file("a.jsonl.gz", tests::gzip(lines.substr(0, 4000)) + tests::gzip(lines.substr(4000)).substr(0, 200));
  const std::vector<Seen> seen = read({source(corpus, "a.jsonl.gz")}, {});
  BOOST_REQUIRE_GT(seen.size(), 5u);
  for (std::size_t i = 0; i + 1 < seen.size(); ++i) BOOST_TEST(seen[i].text == texts[i]);
  BOOST_TEST(seen.back().skip == "truncated gzip data: the file ends within a member");
  BOOST_TEST(seen.back().begin_bytes >= 4000u);
}

BOOST_AUTO_TEST_CASE(of_a_sample_the_records_that_end_in_it_are_read) {
  tests::CorpusFolder corpus(3);
  const std::vector<std::string> texts = corpus.make_texts(3000, 300);
  const std::string lines = tests::json_lines(corpus.random(), texts);
  corpus.add_file("a.jsonl", lines);
  corpus.add_file("b.jsonl.gz", tests::gzip(lines));
  corpus.add_file("c.jsonl.zst", tests::zstd(lines));
  for (const char* const name : {"a.jsonl", "b.jsonl.gz", "c.jsonl.zst"}) {
    io::Source sample = source(corpus, name);
    sample.sample_bytes = sample.size_bytes / 2;
    std::vector<Seen> seen = read({sample}, {});
    BOOST_REQUIRE_GT(seen.size(), 1u);
    if (!seen.back().skip.empty()) seen.pop_back();  // the record that the end cuts
    BOOST_TEST(seen.size() < texts.size());
    BOOST_TEST(
        texts_of(seen) == std::vector<std::string>(texts.begin(), texts.begin() + static_cast<long>(seen.size())),
        boost::test_tools::per_element());
  }
}

BOOST_DATA_TEST_CASE(of_a_text_its_sample_is_read, data::make({100, 2900, 8192, 20000}), bytes) {
  tests::CorpusFolder corpus(4);
  const std::string text = tests::text_of(corpus.random(), 30000);
  corpus.add_file("a.txt", text);
  io::Source sample = source(corpus, "a.txt");
  sample.sample_bytes = static_cast<std::uint64_t>(bytes);
  while ((static_cast<unsigned char>(text[sample.sample_bytes]) & 0xC0) == 0x80) --sample.sample_bytes;
  BOOST_TEST(texts_of(read({sample}, {})) == std::vector<std::string>{text.substr(0, sample.sample_bytes)},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_is_no_part_of_the_first_record) {
  tests::CorpusFolder corpus(3);
  corpus.add_file("a.jsonl", "\xEF\xBB\xBF{\"text\": \"one\"}\n{\"text\": \"two\"}\n");
  BOOST_TEST(texts_of(read({source(corpus, "a.jsonl")}, {})) == (std::vector<std::string>{"one", "two"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_long_line_of_white_space_is_nothing) {
  tests::CorpusFolder corpus(3);
  corpus.add_file("a.jsonl", std::string(30000, ' ') + "\n{\"text\": \"two\"}\n" + std::string(30000, '\t'));
  BOOST_TEST(texts_of(read({source(corpus, "a.jsonl")}, {})) == (std::vector<std::string>{"two"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_consumer_may_stop_anywhere) {
  tests::CorpusFolder corpus(5);
  corpus.add_everything(9000);
  const auto sources = io::find_corpus({corpus.path()}).sources;
  for (std::size_t stop_after = 1; stop_after < corpus.texts().size(); stop_after += 13) {
    Reading reading;
    reading.seed = static_cast<unsigned>(stop_after);
    reading.stop_after = stop_after;
    BOOST_TEST(read(sources, reading).size() >= stop_after);
  }
}

BOOST_AUTO_TEST_SUITE_END()
