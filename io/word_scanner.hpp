#pragma once

// The patterns of cl100k, qwen2 and o200k (io/pretoken_scanner.hpp). Where a pre-token begins follows from the kinds of
// a few neighbouring bytes, 64 of them at a time. Where letters without case or marks make that unclear (o200k) the
// text is walked from pre-token to pre-token.

#include <vector>

#include "io/character_masks.hpp"
#include "io/pretoken_begins.hpp"
#include "io/pretoken_scanner.hpp"

namespace io {

/// What distinguishes the three.
struct WordPattern {
  std::size_t digits_max;      ///< of one pre-token, in characters
  bool cased;                  ///< words begin anew with a capital, and contractions belong to them
  bool slash_ends_with_lines;  ///< [\r\n/]* behind punctuation, not [\r\n]*
};

template <WordPattern pattern>
class WordScanner final : public PretokenScanner {
 public:
  void scan(std::string_view text, bool complete, std::vector<std::uint32_t>& ends) override;

 private:
  /// Where a pre-token ends, and how far the text was looked at to say so.
  struct Found {
    std::size_t end;
    std::size_t looked;
  };
  Found pretoken(std::string_view text, std::size_t begin) const noexcept;
  Found white_space(std::string_view text, std::size_t begin) const noexcept;
  std::size_t digits_end(std::size_t begin) const noexcept;
  Found word(std::string_view text, std::size_t begin, std::size_t behind_prefix) const noexcept;
  Found lower_word(std::size_t begin) const noexcept;
  std::size_t lines_end(std::string_view text, std::size_t begin) const noexcept;
  std::size_t next_character(std::size_t at) const noexcept { return masks_.continuations.run_end(at + 1); }

  void walk(std::string_view text, bool complete, std::vector<std::uint32_t>& ends);

  void find_begins();
  void join_wide_prefixes(std::size_t word, std::uint64_t letters_behind_wide);
  void join_lines(std::size_t word, std::uint64_t newlines_behind_blanks);
  void begin_last_wide_spaces(std::size_t word, std::uint64_t last_bytes);
  void cut_digits(std::size_t word, std::uint64_t long_runs);
  void cut_contractions(std::string_view text);
  std::size_t last_decided(std::string_view text, bool complete) const noexcept;

  CharacterMasks masks_;
  PretokenBegins begins_;
  std::vector<std::uint32_t> late_begins_;  // in words that are still to be written
};

}  // namespace io
