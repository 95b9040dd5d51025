#pragma once

// Rows for an evaluation: windows over the concatenation of all documents, each of which repeats the end of the one
// before it as context. The stream begins with end-of-text, as in training; every token after it counts exactly once.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "io/tokenizer.hpp"
#include "pipeline/micro_batch.hpp"
#include "pipeline/packer.hpp"

namespace pipeline {

class WindowPacker {
 public:
  /// Of `shape` everything but the micro-batches of a step. A target has `context` tokens before it at least, where
  /// there are so many; with 0 the rows are those of training. Requires context < seq_len. `tokenizer` outlives the
  /// packer.
  WindowPacker(const PackerShape& shape, std::size_t context, const io::Tokenizer& tokenizer);

  /// What follows in the stream, end-of-text tokens too. Tokens past `targets_max` are dropped.
  void add(std::span<const io::TokenId> ids);
  /// The stream has ended: the last row is padded.
  void finish();

  bool full() const noexcept { return targets_count_ == shape_.targets_max; }
  /// The next micro-batch that is whole. Its `step` numbers them from 1, its `targets_count` bounds the places of its
  /// targets.
  std::optional<MicroBatch> take();

 private:
  void add_target(io::TokenId id);
  void begin_row();
  void release();

  PackerShape shape_;
  std::size_t context_;
  const io::Tokenizer& tokenizer_;
  io::TokenId end_of_text_;
  std::uint64_t targets_count_ = 0;
  std::uint64_t number_ = 0;
  std::vector<io::TokenId> window_;  // the last seq_len + 1 tokens, or fewer at the begin
  std::optional<MicroBatch> open_;
  std::deque<MicroBatch> ready_;
};

}  // namespace pipeline
