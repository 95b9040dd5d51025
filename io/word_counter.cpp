#include "io/word_counter.hpp"

namespace io {

void WordCounter::count(std::string_view piece) {
  stream_.feed(piece, [this](std::string_view text, std::span<const std::uint32_t> ends) { count_words(text, ends); });
}

void WordCounter::finish() {
  stream_.finish([this](std::string_view text, std::span<const std::uint32_t> ends) { count_words(text, ends); });
}

void WordCounter::count_words(std::string_view text, std::span<const std::uint32_t> ends) {
  std::size_t begin = 0;
  for (const std::uint32_t end : ends) {
    const BpeCounts::Key key = BpeCounts::key_of(text.substr(begin, end - begin));
    begin = end;
    counts_.prefetch(key);
    keys_[keys_count_++] = key;
    if (keys_count_ == batch) count_batch();
  }
  count_batch();  // long words point into the text
}

void WordCounter::count_batch() {
  for (std::size_t i = 0; i < keys_count_; ++i) counts_.prefetch_entry(keys_[i]);
  for (std::size_t i = 0; i < keys_count_; ++i) counts_.add(keys_[i], 1);
  words_total_ += keys_count_;
  keys_count_ = 0;
}

}  // namespace io
