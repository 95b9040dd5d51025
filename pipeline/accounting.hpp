#pragma once

// The books of a run: every document is trained on, or skipped with a reason, or left out and counted.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/corpus.hpp"

namespace pipeline {

/// A document is damaged and the run is strict, or there is nothing left to train on. The text is one line.
class DamageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Kept by ingest, on its executor; read by others once ingest has ended.
struct Accounting {
  std::uint64_t documents_packed = 0;  ///< documents whose last token was packed, over all epochs
  std::uint64_t binaries_count = 0;    ///< files that are not text
  std::vector<io::Skip> skips;         ///< damage, each once, in the order in which it was met
};

/// "PATH: REASON at byte N", for people.
std::string describe(const io::Skip& skip);

/// One line of skipped.jsonl, with its newline. Bytes of the path that are not UTF-8 become U+FFFD.
std::string to_json_line(const io::Skip& skip);

}  // namespace pipeline
