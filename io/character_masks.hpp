#pragma once

// What the splitters look at: the kinds of the bytes of a text, a bit each, so that a run of letters is a run of ones
// whose end one instruction finds. ASCII is classified a vector at a time, the rest a character at a time.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace io {

/// A bit for each byte of a text, and at least 64 behind its end.
class ByteMask {
 public:
  bool at(std::size_t byte) const noexcept { return (words_[byte / 64] >> (byte % 64) & 1) != 0; }
  /// The first byte from `begin` on whose bit is 0.
  std::size_t run_end(std::size_t begin) const noexcept {
    std::size_t word = begin / 64;
    const std::uint64_t zeros = ~words_[word] >> (begin % 64);
    if (zeros != 0) return begin + static_cast<std::size_t>(std::countr_zero(zeros));
    while (~words_[++word] == 0) continue;
    return word * 64 + static_cast<std::size_t>(std::countr_one(words_[word]));
  }
  /// One past the last byte below `end` whose bit is 1; `begin` where there is none from there on.
  std::size_t last_end(std::size_t begin, std::size_t end) const noexcept {
    while (end > begin) {
      const std::size_t in_word = (end - 1) % 64;
      const std::uint64_t ones = words_[(end - 1) / 64] << (63 - in_word);
      if (ones != 0) return std::max(begin, end - static_cast<std::size_t>(std::countl_zero(ones)));
      end -= in_word + 1;
    }
    return begin;
  }
  std::uint64_t& operator[](std::size_t word) noexcept { return words_[word]; }
  std::uint64_t operator[](std::size_t word) const noexcept { return words_[word]; }
  std::uint64_t* data() noexcept { return words_.data(); }
  void grow(std::size_t words) {
    if (words_.size() < words) words_.resize(words);
  }

 private:
  std::vector<std::uint64_t> words_;
};

/// All bytes of a character have its kind. A byte that is not part of valid UTF-8 is a character of no kind by itself.
/// Behind the text stand blanks, so that white space at its end is followed by white space, then an end to all runs.
class CharacterMasks {
 public:
  ByteMask letters;
  ByteMask numbers;
  ByteMask spaces;         ///< \s
  ByteMask others;         ///< neither letters nor numbers nor spaces
  ByteMask continuations;  ///< all bytes of a character but its first
  ByteMask blanks;         ///< U+0020
  ByteMask apostrophes;    ///< U+0027
  ByteMask newlines;       ///< \r and \n
  ByteMask slashes;        ///< U+002F
  // Where `cased` was asked for:
  ByteMask upper_runs;  ///< \p{Lu} \p{Lt} \p{Lm} \p{Lo} \p{M}
  ByteMask lower_runs;  ///< \p{Ll} \p{Lm} \p{Lo} \p{M}
  ByteMask marks;       ///< \p{M}

  void classify(std::string_view text, bool cased);
  /// Words of 64 bits that hold the text and at least one bit behind it.
  std::size_t words_count() const noexcept { return words_count_; }
  /// Whether, `cased`, anything is in upper_runs and in lower_runs.
  bool any_caseless() const noexcept { return any_caseless_; }

 private:
  void grow(bool cased);
  void classify_ascii(const char* text, std::size_t first_word, std::size_t words_count);
  void classify_wide(std::string_view text, std::size_t word, std::uint64_t wide, bool cased);

  ByteMask uppers_;  // of ASCII
  ByteMask wide_;    // bytes from 0x80 on
  std::size_t words_count_ = 0;
  bool any_caseless_ = false;
};

}  // namespace io
