#pragma once

// Cuts a text into pre-tokens, many at a time. The published patterns, with \p{...} and \s as io/unicode.hpp has them:
//
//   gpt2    '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//   cl100k  (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+
//           |\s+(?!\S)|\s+
//   qwen2   the same with \p{N}
//   o200k   [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//           |[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//           |\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
//
// A byte that is not part of valid UTF-8 is a character of none of these classes.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "io/splitter.hpp"

namespace io {

class PretokenScanner {
 public:
  virtual ~PretokenScanner() = default;
  /// Appends to `ends` where the pre-tokens end that follow one another from the beginning of `text`: all of them when
  /// the text is `complete`, else those that nothing behind it can change. Below 4 GiB.   Cost: linear.
  virtual void scan(std::string_view text, bool complete, std::vector<std::uint32_t>& ends) = 0;
};

/// Requires a pattern other than `none`.
std::unique_ptr<PretokenScanner> make_scanner(SplitPattern pattern);

}  // namespace io
