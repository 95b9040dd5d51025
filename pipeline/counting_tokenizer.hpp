#pragma once

// How `icosa tokenizer train` counts the words of a corpus: as a tokenizer whose encoders make no ids but count, so
// that documents are found, checked and accounted for on the very way on which they are tokenized.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer.hpp"
#include "io/word_counter.hpp"

namespace pipeline {

/// Outlives its encoders, which count each into a table that no other uses meanwhile.
class CountingTokenizer final : public io::Tokenizer {
 public:
  /// `of_tokens`: whose ids token files hold. It outlives this.   `pattern`: what cuts text into words.
  CountingTokenizer(const io::Tokenizer& of_tokens, io::SplitPattern pattern)
      : of_tokens_(of_tokens), pattern_(pattern) {}

  std::size_t vocabulary_size() const noexcept override { return of_tokens_.vocabulary_size(); }
  io::TokenId end_of_text() const noexcept override { return of_tokens_.end_of_text(); }
  std::string_view bytes_of(io::TokenId id) const override { return of_tokens_.bytes_of(id); }
  std::string to_json() const override { return of_tokens_.to_json(); }
  std::string description() const override { return "counting words"; }
  /// From any thread. It gives no ids.
  std::unique_ptr<io::Encoder> encoder() const override;

  /// Words of all documents that ended so far, each as often as it was met. From any thread.
  std::uint64_t words_total() const noexcept { return words_total_.load(std::memory_order_relaxed); }

  /// What all encoders have counted. Requires that none is left.
  io::BpeCounts take_counts();

 private:
  class CountingEncoder;

  const io::Tokenizer& of_tokens_;
  io::SplitPattern pattern_;
  mutable std::atomic<std::uint64_t> words_total_{0};
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<io::WordCounter>> idle_;
  mutable std::size_t busy_count_ = 0;
};

}  // namespace pipeline
