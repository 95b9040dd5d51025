#pragma once

// Byte pair encoding of one pre-token. The definition: begin with one token for each byte; as long as two neighbours
// have a merge, carry out the one of the lowest rank, the leftmost where it stands more than once.

#include <array>
#include <string_view>
#include <vector>

#include "io/merges.hpp"
#include "io/tokenizer.hpp"

namespace io {

/// What the merging needs to know of a vocabulary.
struct BytePairs {
  std::array<TokenId, 256> byte_ids{};  // the token of each single byte
  MergeTable merges;
};

/// Encodes pre-tokens one after another; owns the memory that long ones need.
class BytePairEncoder {
 public:
  /// Appends the ids of `pretoken`, which may be empty.
  ///   Cost: quadratic with a small constant up to `short_bytes_max` bytes, n log n in time and n in memory above.
  void encode(const BytePairs& pairs, std::string_view pretoken, std::vector<TokenId>& ids);

  /// What is longer goes through the heap. 99.6 of 100 pre-tokens of a text are at most 15 bytes long.
  static constexpr std::size_t short_bytes_max = 64;  // a bit each

 private:
  /// A merge that was possible when it was noted: `left` at `at`, `right` behind it.
  struct Candidate {
    std::uint32_t rank;
    TokenId left;
    TokenId right;
    TokenId merged;
    std::size_t at;
  };
  struct Later {
    bool operator()(const Candidate& a, const Candidate& b) const noexcept {
      return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
    }
  };
  struct Node {
    TokenId id;  // -1: merged into the one before
    std::size_t previous;
    std::size_t next;
  };

  void encode_long(const BytePairs& pairs, std::string_view pretoken, std::vector<TokenId>& ids);
  void note(const BytePairs& pairs, std::size_t at);

  std::vector<Node> nodes_;            // a linked list within an array: one node for each byte
  std::vector<Candidate> candidates_;  // a heap
};

}  // namespace io
