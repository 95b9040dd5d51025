#include "io/bpe_words.hpp"

#include <algorithm>
#include <cassert>

namespace io {

BpeWords::BpeWords(BpeCounts counts, std::span<const std::uint32_t, 256> byte_ids, std::size_t tokens_count_max) {
  const BpeCounts words = std::move(counts);
  std::uint64_t tokens_count = 0;
  std::size_t words_count = 0;
  for (std::size_t i = 0; i < words.words_count(); ++i) {
    const std::size_t bytes = words.word(i).size();
    if (bytes < 2) {
      singles_total_ += words.count(i);
      continue;
    }
    tokens_count += bytes;
    ++words_count;
  }
  tokens_.reserve(tokens_count);
  begins_.reserve(words_count + 1);
  counts_.reserve(words_count);
  for (std::size_t i = 0; i < words.words_count(); ++i) {
    const std::string_view word = words.word(i);
    if (word.size() < 2) continue;
    begins_.push_back(tokens_.size());
    counts_.push_back(words.count(i));
    for (const char byte : word) tokens_.push_back(byte_ids[static_cast<unsigned char>(byte)]);
  }
  begins_.push_back(tokens_.size());
  lengths_.resize(tokens_count_max);
  for (const std::uint32_t id : byte_ids) lengths_[id] = 1;
  for (auto& neighbours : neighbours_) neighbours.resize(tokens_count_max);
}

std::vector<PairChange> BpeWords::first_pairs() {
  // Ids of bytes are consecutive behind the special tokens: a square table takes them all.
  const auto first_byte = static_cast<std::uint32_t>(std::find(lengths_.begin(), lengths_.end(), 1) - lengths_.begin());
  std::vector<Neighbour> pairs(256 * 256);
  const auto for_each = [&](auto&& visit) {
    for (WordIndex word = 0; word < counts_.size(); ++word) {
      const std::span<const std::uint32_t> tokens = tokens_of(word);
      for (std::size_t i = 0; i + 1 < tokens.size(); ++i)
        visit(pairs[(tokens[i] - first_byte) * 256 + (tokens[i + 1] - first_byte)], word);
    }
  };
  for_each([&](Neighbour& pair, WordIndex word) {
    pair.change += static_cast<std::int64_t>(counts_[word]);
    if (pair.last_word == word) return;
    pair.last_word = word;
    ++pair.words_count;
  });
  std::vector<PairChange> changes;
  for (std::uint32_t at = 0; at < pairs.size(); ++at) {
    Neighbour& pair = pairs[at];
    if (pair.words_count == 0) continue;
    const std::span<WordIndex> words = allocate(pair.words_count);
    pair.words = words.data();
    pair.last_word = no_word;
    changes.push_back({pair_key(first_byte + at / 256, first_byte + at % 256), pair.change, words});
  }
  for_each([](Neighbour& pair, WordIndex word) {
    if (pair.last_word == word) return;
    pair.last_word = word;
    *pair.words++ = word;
  });
  return changes;
}

void BpeWords::note_new(Role role, std::uint32_t token, WordIndex word, std::int64_t change) {
  note(role, token, change);
  Neighbour& neighbour = neighbours_[role][token];
  if (neighbour.last_word == word) return;
  neighbour.last_word = word;
  ++neighbour.words_count;
  events_[role].push_back({token, word});
}

void BpeWords::merge_in(WordIndex word, PairKey pair, std::uint32_t merged, std::size_t bytes_max) {
  const std::uint32_t left = left_of(pair);
  const std::uint32_t right = right_of(pair);
  const std::uint64_t bytes = lengths_[left] + lengths_[right];
  const auto count = static_cast<std::int64_t>(counts_[word]);
  std::uint32_t* const tokens = tokens_.data() + begins_[word];
  const std::size_t size = begins_[word + 1] - begins_[word];
  std::size_t to = 0;
  std::size_t from = 0;
  while (from < size && tokens[from] != no_token) {
    if (tokens[from] != left || from + 1 == size || tokens[from + 1] != right) {
      tokens[to++] = tokens[from++];
      continue;
    }
    if (to > 0) {
      const std::uint32_t before = tokens[to - 1];
      note(before_left, before, -count);
      if (lengths_[before] + bytes < bytes_max) note_new(before_merged, before, word, count);
    }
    tokens[to++] = merged;
    from += 2;
    if (from < size && tokens[from] != no_token) {
      const std::uint32_t behind = tokens[from];
      note(behind_right, behind, -count);
      // A pair of two merged ones is of the kind above, whichever of the two came second.
      const Role role = behind == merged ? before_merged : behind_merged;
      if (lengths_[behind] + bytes < bytes_max) note_new(role, behind, word, count);
    }
  }
  if (to < size) tokens[to] = no_token;
}

const std::vector<PairChange>& BpeWords::merge(PairKey pair, std::uint32_t merged, std::span<const WordIndex> words,
                                               std::size_t bytes_max) {
  constexpr std::size_t ahead = 8;  // words on their way from memory
  lengths_[merged] = lengths_[left_of(pair)] + lengths_[right_of(pair)];
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i + 2 * ahead < words.size()) __builtin_prefetch(&begins_[words[i + 2 * ahead]]);
    if (i + ahead < words.size()) __builtin_prefetch(&tokens_[begins_[words[i + ahead]]]);
    merge_in(words[i], pair, merged, bytes_max);
  }
  changes_.clear();
  for (unsigned number = 0; number < roles_count; ++number) {
    const auto role = static_cast<Role>(number);
    place_words(role);
    for (const std::uint32_t token : touched_[role]) {
      Neighbour& neighbour = neighbours_[role][token];
      const PairKey changed = role == before_left     ? pair_key(token, left_of(pair))
                              : role == before_merged ? pair_key(token, merged)
                              : role == behind_right  ? pair_key(right_of(pair), token)
                                                      : pair_key(merged, token);
      const std::size_t count = neighbour.words_count;
      changes_.push_back({changed, neighbour.change, {neighbour.words - count, count}});
      neighbour = {};
    }
    touched_[role].clear();
  }
  return changes_;
}

/// Sorts the words of this merge's events by the token beside it.
void BpeWords::place_words(Role role) {
  for (const std::uint32_t token : touched_[role]) {
    Neighbour& neighbour = neighbours_[role][token];
    if (neighbour.words_count > 0) neighbour.words = allocate(neighbour.words_count).data();
  }
  for (const Event& event : events_[role]) *neighbours_[role][event.token].words++ = event.word;
  events_[role].clear();
}

std::span<WordIndex> BpeWords::allocate(std::size_t count) {
  if (count > chunk_left_) {
    chunk_left_ = std::max(count, chunk_words);
    chunks_.push_back(std::make_unique_for_overwrite<WordIndex[]>(chunk_left_));
    chunk_at_ = chunks_.back().get();
  }
  const std::span<WordIndex> words(chunk_at_, count);
  chunk_at_ += count;
  chunk_left_ -= count;
  return words;
}

std::uint64_t BpeWords::tokens_total() const noexcept {
  std::uint64_t total = singles_total_;
  for (WordIndex word = 0; word < counts_.size(); ++word) {
    const auto begin = tokens_.begin() + static_cast<std::ptrdiff_t>(begins_[word]);
    const auto end = tokens_.begin() + static_cast<std::ptrdiff_t>(begins_[word + 1]);
    total += counts_[word] * static_cast<std::uint64_t>(std::find(begin, end, no_token) - begin);
  }
  return total;
}

}  // namespace io
