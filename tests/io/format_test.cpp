#include "io/format.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

namespace data = boost::unit_test::data;
using io::Compression;
using io::Format;

namespace {

struct Sample {
  std::string name;
  Format format;
  Compression compression;
  std::string shown;
};
std::ostream& operator<<(std::ostream& out, const Sample& sample) {
  return out << sample.name;
}

const std::vector<Sample> samples = {
    {"a.txt", Format::text, Compression::none, "text"},
    {"a", Format::text, Compression::none, "text"},
    {"", Format::text, Compression::none, "text"},
    {"jsonl", Format::text, Compression::none, "text"},
    {"a.jsonl.txt", Format::text, Compression::none, "text"},
    {"a.jsonl.gz.old", Format::text, Compression::none, "text"},
    {"a.json", Format::text, Compression::none, "text"},
    {"a.jsonl", Format::json_lines, Compression::none, "jsonl"},
    {"a.b/c.NDJSON", Format::json_lines, Compression::none, "jsonl"},
    {"a.JsonL.Gz", Format::json_lines, Compression::gzip, "jsonl.gz"},
    {"a.ndjson.ZST", Format::json_lines, Compression::zstd, "jsonl.zst"},
    {"a.txt.gz", Format::text, Compression::gzip, "text.gz"},
    {"a.zst", Format::text, Compression::zstd, "text.zst"},
    {"a.gz.gz", Format::text, Compression::gzip, "text.gz"},
    {"shard-00000.bin", Format::tokens, Compression::none, "tokens"},
    {"a.BIN", Format::tokens, Compression::none, "tokens"},
    {"a.bin.zst", Format::tokens, Compression::zstd, "tokens.zst"},
    {"a.idx", Format::text, Compression::none, "text"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(format)

BOOST_DATA_TEST_CASE(a_name_promises_format_and_compression, data::make(samples), sample) {
  const io::FileKind kind = io::kind_of_name(sample.name);
  BOOST_TEST((kind == io::FileKind{sample.format, sample.compression}));
  BOOST_TEST(io::kind_name(kind.format, kind.compression) == sample.shown);
}

BOOST_AUTO_TEST_SUITE_END()
