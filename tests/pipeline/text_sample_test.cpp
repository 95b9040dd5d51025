#include "pipeline/text_sample.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/support/corpus_folder.hpp"

namespace {

namespace data = boost::unit_test::data;
using io::Compression;
using io::Format;
using Sizes = std::vector<std::uint64_t>;

std::vector<pipeline::Dataset> datasets_of(const std::vector<Sizes>& sizes, Format format = Format::text,
                                           Compression compression = Compression::none) {
  std::vector<pipeline::Dataset> datasets;
  for (const Sizes& of_one : sizes) {
    pipeline::Dataset& dataset = datasets.emplace_back();
    for (const std::uint64_t size : of_one) {
      io::Source& source = dataset.corpus.sources.emplace_back();
      source.size_bytes = size;
      source.format = format;
      source.compression = compression;
    }
  }
  return datasets;
}

/// What is read of each file.
std::vector<Sizes> sampled(const std::vector<pipeline::Dataset>& datasets, std::uint64_t bytes_max) {
  std::vector<Sizes> kept;
  for (const pipeline::Dataset& dataset : pipeline::text_sample(datasets, bytes_max)) {
    Sizes& of_one = kept.emplace_back();
    for (const io::Source& source : dataset.corpus.sources) of_one.push_back(source.read_bytes());
  }
  return kept;
}

/// The sample of a file with this text, where `bytes` were wanted.
std::string sample_of(const std::string& text, std::uint64_t bytes, Format format = Format::text) {
  tests::CorpusFolder folder(1);
  folder.add_file("file", text);
  std::vector<pipeline::Dataset> datasets = datasets_of({{text.size()}}, format);
  io::Source& source = datasets.front().corpus.sources.front();
  source.path = folder.path() + "/file";
  source.sample_bytes = bytes;
  pipeline::end_samples(datasets);
  return text.substr(0, source.sample_bytes);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(text_sample)

BOOST_AUTO_TEST_CASE(files_that_are_not_too_much_are_kept_whole) {
  BOOST_TEST((sampled(datasets_of({{1, 2, 3}, {4}}), 10) == std::vector<Sizes>{{1, 2, 3}, {4}}));
}

BOOST_AUTO_TEST_CASE(of_more_every_nth_is_kept_throughout_the_corpora) {
  const Sizes tens(10, 10);
  BOOST_TEST((sampled(datasets_of({tens, tens}), 100) == std::vector<Sizes>{Sizes(5, 10), Sizes(5, 10)}));
  BOOST_TEST((sampled(datasets_of({tens, tens}), 99) == std::vector<Sizes>{Sizes(4, 10), Sizes(3, 10)}));
}

BOOST_AUTO_TEST_CASE(of_large_files_their_beginnings_are_kept) {
  BOOST_TEST((sampled(datasets_of({{1000}}), 80) == std::vector<Sizes>{{80}}));
  BOOST_TEST((sampled(datasets_of({{100, 2}, {200}, {3}}), 80) == std::vector<Sizes>{{37, 2}, {37}, {3}}));
  BOOST_TEST((sampled(datasets_of({Sizes(16, 1000)}), 80) == std::vector<Sizes>{Sizes(8, 10)}));
}

BOOST_AUTO_TEST_CASE(of_a_compressed_file_less_is_kept_and_of_one_that_is_one_document_all) {
  BOOST_TEST((sampled(datasets_of({{1000}}, Format::json_lines, Compression::gzip), 80) == std::vector<Sizes>{{20}}));
  BOOST_TEST((sampled(datasets_of({{20}}, Format::text, Compression::zstd), 80) == std::vector<Sizes>{{20}}));
  BOOST_TEST(sampled(datasets_of({{21}}, Format::text, Compression::zstd), 80).empty());
}

BOOST_AUTO_TEST_CASE(files_of_tokens_are_left_out) {
  BOOST_TEST(sampled(datasets_of({{1, 2}}, Format::tokens), 10).empty());
}

BOOST_DATA_TEST_CASE(never_more_is_kept_than_wanted, data::xrange(50), seed) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::vector<Sizes> sizes(1 + random() % 3);
  for (Sizes& of_one : sizes) {
    of_one.resize(1 + random() % 30);
    for (std::uint64_t& size : of_one) size = random() % (random() % 4 == 0 ? 100000 : 100);
  }
  std::uint64_t kept = 0;
  for (const Sizes& of_one : sampled(datasets_of(sizes), 2000))
    for (const std::uint64_t bytes : of_one) kept += bytes;
  BOOST_TEST(kept <= 2000u);
  BOOST_TEST(kept > 0u);
}

BOOST_AUTO_TEST_CASE(a_sample_ends_with_a_line_a_word_or_a_character) {
  BOOST_TEST(sample_of("one two\nthree four", 13) == "one two\n");
  BOOST_TEST(sample_of("one two\nthree four", 14) == "one two\nthree");
  BOOST_TEST(sample_of("one two", 5) == "one");
  BOOST_TEST(sample_of("{1}\n{2 }\n{3 }\n", 11, Format::json_lines) == "{1}\n{2 }\n");
  BOOST_TEST(sample_of("{\"long line\"}", 8, Format::json_lines) == "{\"long l");
  const std::string euros = "\u20AC\u20AC\u20AC\u20AC";
  for (const std::uint64_t bytes : {7, 8, 9}) BOOST_TEST(sample_of(euros, bytes) == "\u20AC\u20AC");
  BOOST_TEST(sample_of(euros, 4) == "\u20AC");
  BOOST_TEST(sample_of(euros, 3).size() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
