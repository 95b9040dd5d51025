#pragma once

// How far the training side has come in the documents: what a checkpoint keeps so that ingest can go on with the very
// next token. A function of what was consumed, not of what was read ahead; small, whatever was read so far.

#include <cstdint>
#include <string>
#include <string_view>

#include "io/tokenizer.hpp"
#include "pipeline/document_feed.hpp"

namespace pipeline {

struct IngestPosition {
  FeedPosition feed;                  ///< behind the last document that was consumed whole
  std::uint64_t document_tokens = 0;  ///< consumed of the one after it
  std::uint64_t steps = 0;            ///< consumed
  std::uint64_t targets_count = 0;    ///< likewise
  io::TokenId previous = -1;          ///< the last token consumed, which the next row begins with; -1: none yet

  bool operator==(const IngestPosition&) const = default;
};

/// As a JSON object, and back.
///   `position_from_json` throws std::runtime_error, one line, for what `to_json` did not write.
std::string to_json(const IngestPosition& position);
IngestPosition position_from_json(std::string_view json);

}  // namespace pipeline
