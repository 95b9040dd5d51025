#pragma once

// How a tokenizer cuts text into pre-tokens, the pieces that byte pair encoding never merges across. The published
// patterns have splitters of their own, which the encoder runs without a virtual call; any other pattern comes as a
// Splitter.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace io {

/// The patterns that have fast splitters. `none`: the whole text is one pre-token.
enum class SplitPattern : std::uint8_t { none, gpt2, cl100k, o200k, qwen2 };

/// Finds the pre-tokens of one text one after another, of a text that may arrive in pieces.
class Splitter {
 public:
  virtual ~Splitter() = default;
  /// The end of the pre-token that begins at `begin`, or nothing while `text` is too short to decide it; never nothing
  /// when the text is `complete`. After nothing the next call asks for the same pre-token, with more text behind it or
  /// as complete.   Requires begin < text.size().
  virtual std::optional<std::size_t> pretoken_end(std::string_view text, std::size_t begin, bool complete) = 0;
  /// Whether the pre-token given last is left out: some patterns remove what they match.
  virtual bool removed() const noexcept { return false; }
};

}  // namespace io
