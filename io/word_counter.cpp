#include "io/word_counter.hpp"

#include <algorithm>

namespace io {
namespace {

constexpr std::size_t tail_bytes_max = 1 << 20;  // what the tail may keep for the next document
constexpr std::size_t step_bytes = 4096;         // what is copied to complete a word that lay in two pieces

}  // namespace

void WordCounter::count(std::string_view piece) {
  // A word under way goes on in the tail; as soon as none is, words are taken from the piece itself.
  while (!tail_.empty() && !piece.empty()) {
    const std::size_t bytes = std::min(piece.size(), std::max(step_bytes, tail_.size()));
    const std::size_t before = tail_.size();
    tail_ += piece.substr(0, bytes);
    const std::size_t taken = count_decided(tail_, false);
    if (taken >= before) {
      piece.remove_prefix(taken - before);
      tail_.clear();
      break;
    }
    piece.remove_prefix(bytes);
    tail_.erase(0, taken);
  }
  if (piece.empty()) return;
  tail_ = piece.substr(count_decided(piece, false));
}

void WordCounter::finish() {
  count_decided(tail_, true);
  tail_.clear();
  if (tail_.capacity() > tail_bytes_max) tail_ = {};
}

/// Counts the words at the beginning of the text that nothing to come can change; returns their bytes.
std::size_t WordCounter::count_decided(std::string_view text, bool complete) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = splitter_.pretoken_end(text, begin, complete);
    if (!end) break;
    count_word(text.substr(begin, *end - begin));
    begin = *end;
  }
  count_batch();  // long words point into the text
  return begin;
}

void WordCounter::count_word(std::string_view word) {
  const BpeCounts::Key key = BpeCounts::key_of(word);
  counts_.prefetch(key);
  keys_[keys_count_++] = key;
  if (keys_count_ == batch) count_batch();
}

void WordCounter::count_batch() {
  for (std::size_t i = 0; i < keys_count_; ++i) counts_.prefetch_entry(keys_[i]);
  for (std::size_t i = 0; i < keys_count_; ++i) counts_.add(keys_[i], 1);
  words_total_ += keys_count_;
  keys_count_ = 0;
}

}  // namespace io
