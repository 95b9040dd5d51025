#include "pipeline/tokenize_position.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <stdexcept>

namespace pipeline {

std::string to_json(const TokenizePosition& position) {
  IngestPosition ingest;
  ingest.feed = position.feed;
  return fmt::format(
      R"({{"ingest": {}, "documents": {}, "bytes": {}, "tokens": {}, "skipped": {}, "skipped_bytes": {}}})",
      to_json(ingest), position.totals.documents, position.totals.bytes, position.totals.tokens, position.skips.count,
      position.skips.bytes);
}

TokenizePosition tokenize_position_from_json(std::string_view json) {
  TokenizePosition position;
  if (json.empty()) return position;
  try {
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(json);
    const simdjson::dom::element parsed = parser.parse(padded);
    position.feed = position_from_json(simdjson::minify(simdjson::dom::element(parsed["ingest"]))).feed;
    position.totals.documents = parsed["documents"].get_uint64();
    position.totals.bytes = parsed["bytes"].get_uint64();
    position.totals.tokens = parsed["tokens"].get_uint64();
    position.skips.count = parsed["skipped"].get_uint64();
    position.skips.bytes = parsed["skipped_bytes"].get_uint64();
  } catch (const simdjson::simdjson_error& error) {
    throw std::runtime_error(std::string("the position in index.json cannot be read: ") + error.what());
  }
  return position;
}

}  // namespace pipeline
