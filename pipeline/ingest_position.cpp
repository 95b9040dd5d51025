#include "pipeline/ingest_position.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <stdexcept>

namespace pipeline {
namespace {

std::string to_json(const CorpusPosition& position) {
  std::string streams;
  for (std::size_t i = 0; i < position.streams.size(); ++i) {
    const StreamPosition& stream = position.streams[i];
    streams +=
        fmt::format("{}[{}, {}, {}, {}, {}, {}, {}]", i == 0 ? "" : ", ", stream.unit, stream.wanted_bytes,
                    stream.restart.compressed_bytes, stream.restart.decompressed_bytes, stream.restart.index_documents,
                    stream.restart.index_sequences, position.epoch_ended[i] ? 1 : 0);
  }
  return fmt::format(R"({{"epoch": {}, "windows": {}, "used": {}, "documents": {}, "streams": [{}]}})", position.epoch,
                     position.windows_count, position.used_count, position.documents_count, streams);
}

CorpusPosition corpus_from_json(simdjson::dom::element json) {
  CorpusPosition position;
  position.epoch = json["epoch"].get_uint64();
  position.windows_count = json["windows"].get_uint64();
  position.used_count = json["used"].get_uint64();
  position.documents_count = json["documents"].get_uint64();
  for (const simdjson::dom::element stream : json["streams"].get_array()) {
    StreamPosition& one = position.streams.emplace_back();
    one.unit = stream.at(0).get_uint64();
    one.wanted_bytes = stream.at(1).get_uint64();
    one.restart = {stream.at(2).get_uint64(), stream.at(3).get_uint64(), stream.at(4).get_uint64(),
                   stream.at(5).get_uint64()};
    position.epoch_ended.push_back(std::uint64_t{stream.at(6).get_uint64()} != 0);
  }
  return position;
}

}  // namespace

std::string to_json(const IngestPosition& position) {
  std::string corpora;
  for (const CorpusPosition& corpus : position.feed.corpora) corpora += (corpora.empty() ? "" : ", ") + to_json(corpus);
  const LongPosition& inside = position.feed.inside;
  return fmt::format(
      R"({{"corpora": [{}], "inside": [{}, {}, {}], "document_tokens": {}, "steps": {}, "targets": {}, "previous": {}}})",
      corpora, inside.offset_bytes, inside.tokens, inside.text_bytes, position.document_tokens, position.steps,
      position.targets_count, position.previous);
}

IngestPosition position_from_json(std::string_view json) {
  try {
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(json);
    const simdjson::dom::element parsed = parser.parse(padded);
    IngestPosition position;
    for (const simdjson::dom::element corpus : parsed["corpora"].get_array())
      position.feed.corpora.push_back(corpus_from_json(corpus));
    const simdjson::dom::element inside = parsed["inside"];
    position.feed.inside = {inside.at(0).get_uint64(), inside.at(1).get_uint64(), inside.at(2).get_uint64()};
    position.document_tokens = parsed["document_tokens"].get_uint64();
    position.steps = parsed["steps"].get_uint64();
    position.targets_count = parsed["targets"].get_uint64();
    position.previous = static_cast<io::TokenId>(std::int64_t{parsed["previous"].get_int64()});
    return position;
  } catch (const simdjson::simdjson_error& error) {
    throw std::runtime_error(std::string("the position of ingest cannot be read: ") + error.what());
  }
}

}  // namespace pipeline
