#pragma once

// What the index.json of token shards keeps for a call that goes on where another one stopped.

#include <string>
#include <string_view>

#include "pipeline/accounting.hpp"
#include "pipeline/ingest_position.hpp"
#include "pipeline/skips_file.hpp"

namespace pipeline {

struct TokenizePosition {
  FeedPosition feed;
  Totals totals;
  SkipsWritten skips;
};

/// As JSON, and back; empty text is the beginning. Throws std::runtime_error, one line.
std::string to_json(const TokenizePosition& position);
TokenizePosition tokenize_position_from_json(std::string_view json);

}  // namespace pipeline
