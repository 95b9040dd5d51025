#pragma once

// The patterns of cl100k, qwen2 and o200k (io/pretoken_scanner.hpp): a walk from pre-token to pre-token, each step a
// few looks at the masks.

#include "io/character_masks.hpp"
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

  CharacterMasks masks_;
};

}  // namespace io
