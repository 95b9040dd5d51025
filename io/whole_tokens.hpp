#pragma once

// Pre-tokens that are a token as they stand: half of those that a cache has not seen. Byte pair encoding need not find
// its way to each token, though: where the tokenizer does not take whole tokens first, a token is found here only once
// it has been seen to come out. Shared by all encoders of a tokenizer.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "io/bpe_model.hpp"

namespace io {

class WholeTokens {
 public:
  /// Borrows the model.   Cost: a pass over its tokens.
  explicit WholeTokens(const BpeModel& model);

  enum class Answer : std::uint8_t { unknown, yes, no };
  struct Found {
    TokenId id;     ///< -1: no token has these bytes
    Answer answer;  ///< whether the pre-token becomes this token
  };
  Found find(std::string_view pretoken) const noexcept;
  /// What byte pair encoding made of that token's bytes. From any thread.
  void learn(TokenId id, bool becomes_whole) const noexcept {
    answers_[static_cast<std::size_t>(id)].store(becomes_whole ? Answer::yes : Answer::no, std::memory_order_relaxed);
  }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    TokenId id = -1;
  };

  const BpeModel& model_;
  std::vector<Slot> slots_;  // open addressing, at most half full
  std::size_t mask_;
  mutable std::vector<std::atomic<Answer>> answers_;  // by id; each is learnt the same, whoever learns it
};

}  // namespace io
