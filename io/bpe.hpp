#pragma once

// Byte pair encoding of one pre-token. The definition: begin with one token for each byte; as long as two neighbours
// have a merge, carry out the one of the lowest rank, the leftmost where it stands more than once.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/merges.hpp"
#include "io/tokenizer.hpp"

namespace io {

/// What the merging needs to know of a vocabulary.
struct BytePairs {
  std::array<TokenId, 256> byte_ids{};  // the token of each single byte
  MergeTable merges;
};

/// Merges that were possible when they were noted: the lowest rank first, the leftmost of a rank. A long text has many
/// merges of few ranks, so the places of each rank have a list of their own.
class MergeQueue {
 public:
  void push(std::uint32_t rank, std::uint32_t at);
  bool empty() const noexcept { return heap_.empty(); }
  struct Candidate {
    std::uint32_t rank;
    std::uint32_t at;
  };
  /// Requires that it is not empty.
  Candidate pop();
  void clear() { *this = {}; }

 private:
  struct Places {
    std::uint32_t rank = 0;
    bool is_heap = false;  // else they are in order from `next` on
    std::size_t next = 0;
    std::vector<std::uint32_t> at;
  };

  std::vector<Places> ranks_;
  std::unordered_map<std::uint32_t, std::uint32_t> index_of_rank_;
  std::vector<std::uint64_t> heap_;  // the rank, then its index: of those that have places
  std::uint32_t last_ = 0;           // index of the rank that was pushed last
};

/// Encodes pre-tokens one after another; owns the memory that long ones need.
class BytePairEncoder {
 public:
  /// Appends the ids of `pretoken`, which may be empty.
  ///   Cost: quadratic with a small constant up to `short_bytes_max` bytes, n log n in time and n in memory above,
  ///   below 4 GiB.
  void encode(const BytePairs& pairs, std::string_view pretoken, std::vector<TokenId>& ids);

  /// What is longer goes through the heap. 99.6 of 100 pre-tokens of a text are at most 15 bytes long.
  static constexpr std::size_t short_bytes_max = 64;  // a bit each

 private:
  struct Node {
    TokenId id;
    TokenId merged;      // with the next one
    std::uint32_t rank;  // of that merge; no_rank: there is none, or this one is merged into one before
    std::uint32_t previous;
    std::uint32_t next;
  };

  void encode_long(const BytePairs& pairs, std::string_view pretoken, std::vector<TokenId>& ids);
  void note(const BytePairs& pairs, std::uint32_t at);

  std::vector<Node> nodes_;  // a linked list within an array: one node for each byte
  MergeQueue queue_;
};

}  // namespace io
