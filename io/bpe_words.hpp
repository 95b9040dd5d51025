#pragma once

// The words of a corpus as tokens while a byte pair encoding is learned, and what a merge changes in them. Part of
// io/bpe_trainer.hpp.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "io/bpe_counts.hpp"

namespace io {

using WordIndex = std::uint32_t;

/// Two neighbouring tokens; compares as the pair does.
using PairKey = std::uint64_t;
constexpr PairKey pair_key(std::uint32_t left, std::uint32_t right) noexcept {
  return PairKey{left} << 32 | right;
}
constexpr std::uint32_t left_of(PairKey pair) noexcept {
  return static_cast<std::uint32_t>(pair >> 32);
}
constexpr std::uint32_t right_of(PairKey pair) noexcept {
  return static_cast<std::uint32_t>(pair);
}

/// How often a pair stands, more or less than before, and the words in which it came up.
struct PairChange {
  PairKey pair;
  std::int64_t change;
  std::span<const WordIndex> words;  ///< once each, rising; lives as long as the BpeWords
};

class BpeWords {
 public:
  /// `byte_ids`: the token of each byte. Takes the words over.
  BpeWords(BpeCounts counts, std::span<const std::uint32_t, 256> byte_ids, std::size_t tokens_count_max);

  /// All pairs there are, as changes from nothing. Once, before the first merge.
  std::vector<PairChange> first_pairs();

  /// Replaces `pair` by `merged` in these words, from the left. A pair that came up is told only where the texts of
  /// both together have less than `bytes_max` bytes; what went away is always told. Several changes may name one pair;
  /// only one of them has words. The changes hold until the next call.
  const std::vector<PairChange>& merge(PairKey pair, std::uint32_t merged, std::span<const WordIndex> words,
                                       std::size_t bytes_max);

  /// Tokens of all words, as often as they stand.
  std::uint64_t tokens_total() const noexcept;

 private:
  /// What happens to the pairs of one merge, by the token beside it: in each of these the other token is the same for
  /// all, so that a table by id takes the place of a hash table.
  enum Role : unsigned { before_left, before_merged, behind_right, behind_merged, roles_count };
  struct Neighbour {
    std::int64_t change = 0;
    std::uint32_t words_count = 0;
    WordIndex last_word = no_word;
    WordIndex* words = nullptr;
    bool touched = false;
  };
  struct Event {
    std::uint32_t token;
    WordIndex word;
  };

  static constexpr std::uint32_t no_token = UINT32_MAX;  // behind the last token of a word that has become shorter
  static constexpr WordIndex no_word = UINT32_MAX;
  static constexpr std::size_t chunk_words = std::size_t{1} << 20;

  void merge_in(WordIndex word, PairKey pair, std::uint32_t merged, std::size_t bytes_max);
  void note(Role role, std::uint32_t token, std::int64_t change) {
    Neighbour& neighbour = neighbours_[role][token];
    if (!neighbour.touched) {
      neighbour.touched = true;
      touched_[role].push_back(token);
    }
    neighbour.change += change;
  }
  void note_new(Role role, std::uint32_t token, WordIndex word, std::int64_t change);
  void place_words(Role role);
  std::span<WordIndex> allocate(std::size_t count);
  std::span<std::uint32_t> tokens_of(WordIndex word) noexcept {
    return std::span(tokens_).subspan(begins_[word], begins_[word + 1] - begins_[word]);
  }

  std::vector<std::uint32_t> tokens_;   // of all words, one after the other
  std::vector<std::uint64_t> begins_;   // of each word, and the end of the last
  std::vector<std::uint64_t> counts_;   // of each word
  std::uint64_t singles_total_ = 0;     // words of one byte, which have no pair and are not kept
  std::vector<std::uint32_t> lengths_;  // of each token, in bytes
  std::vector<Neighbour> neighbours_[roles_count];
  std::vector<std::uint32_t> touched_[roles_count];
  std::vector<Event> events_[roles_count];
  std::vector<PairChange> changes_;
  std::vector<std::unique_ptr<WordIndex[]>> chunks_;  // words of pairs
  std::size_t chunk_left_ = 0;
  WordIndex* chunk_at_ = nullptr;
};

}  // namespace io
