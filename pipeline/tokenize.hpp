#pragma once

// `icosa tokenize`: the documents of a run's ingest, in the same order and with the same accounting, as token shards on
// disk or as a stream for another trainer. Every core tokenizes; one thread reads, puts in order and writes.

#include <cstdint>
#include <string>
#include <vector>

#include "io/files.hpp"
#include "pipeline/accounting.hpp"
#include "pipeline/order.hpp"
#include "pipeline/settings.hpp"

namespace pipeline {

struct TokenizeResult {
  Totals totals;  ///< tokens with the end-of-text of each document
  Accounting accounting;
  std::vector<FileTotals> record_files;
  std::vector<CorpusShare> corpora;
  std::uint64_t skipped_count = 0;  ///< folders that cannot be read among them
  io::LeftOut left_out;
  std::uint64_t files_found = 0;
  std::uint64_t shards_count = 0;
  Shuffle shuffle = Shuffle::none;
  std::size_t cores_count = 0;
  io::FileCounters files;
  std::string files_description;
  double seconds = 0;
  bool interrupted = false;
  bool was_complete = false;  ///< nothing was left to do
};

/// Tokenizes. Throws what went wrong, each with one line for the user.
TokenizeResult tokenize(const TokenizeSettings& settings);

/// The summary as one JSON object, and for people.
std::string summary_json(const TokenizeResult& result);
std::string summary_text(const TokenizeResult& result, const std::string& out);

}  // namespace pipeline
