#pragma once

// Texts to counts of their pre-tokens, in one pass: documents arrive in pieces of any size, as at an Encoder, and what
// is counted does not depend on the pieces.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "io/bpe_counts.hpp"
#include "io/pretoken_stream.hpp"

namespace io {

/// One per thread. A pre-token that ends with a piece is held until more comes: as much memory as the longest one.
class WordCounter {
 public:
  /// Requires a pattern other than `none`.
  explicit WordCounter(SplitPattern pattern) : stream_(pattern) {}

  /// Counts what `piece` completes.
  void count(std::string_view piece);
  /// Ends the document.
  void finish();

  /// Of all documents so far; complete after `finish`.
  BpeCounts& counts() noexcept { return counts_; }
  /// Pre-tokens so far, each as often as it was met.
  std::uint64_t words_total() const noexcept { return words_total_; }

 private:
  /// How many words are hashed before the first is looked up: their slots come from memory side by side.
  static constexpr std::size_t batch = 32;

  void count_words(std::string_view text, std::span<const std::uint32_t> ends);
  void count_batch();

  PretokenStream stream_;
  BpeCounts counts_;
  std::array<BpeCounts::Key, batch> keys_;
  std::size_t keys_count_ = 0;
  std::uint64_t words_total_ = 0;
};

}  // namespace io
