#pragma once

// Cuts text into pre-tokens, the pieces that byte pair encoding never merges across, as GPT-2's pattern does:
//
//     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// with the classes of io/unicode.hpp. Written by hand, since no regular expression engine goes on where the last piece
// of a stream ended. A byte that is not part of valid UTF-8 is one unit of the class `other`.

#include <cstddef>
#include <optional>
#include <string_view>

#include "io/unicode.hpp"

namespace io {

/// Finds the pre-tokens of one text one after another. Remembers how far an unfinished one was looked at, so that a
/// stream costs its length, whatever its pieces.
class Gpt2Pretokenizer {
 public:
  /// The end of the pre-token that begins at `begin`, or nothing while `text` is too short to decide it; never nothing
  /// when the text is `complete`. After nothing the next call asks for the same pre-token, with more text behind it or
  /// as complete. At most 7 bytes after a pre-token decide it (a white space character, then another).
  ///   Requires begin < text.size().   Never fails.
  std::optional<std::size_t> pretoken_end(std::string_view text, std::size_t begin, bool complete) noexcept;

 private:
  struct Unit {
    CharacterClass kind;
    std::size_t bytes;  // 0: the text ends within the character, and may go on
  };
  static Unit unit_at(std::string_view text, std::size_t at, bool complete) noexcept;
  /// Looks at the first one or two characters of a pre-token: how it begins decides how it goes on. False while open.
  bool begin_run(std::string_view text, std::size_t begin, bool complete) noexcept;

  // The pre-token under way: a run of characters of one class, perhaps with a space before it.
  CharacterClass kind_ = CharacterClass::other;
  std::size_t scanned_bytes_ = 0;  // of the run; 0: not begun
  std::size_t last_bytes_ = 0;     // length of the last white space character of a run of these
};

}  // namespace io
