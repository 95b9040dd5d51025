#pragma once

// UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. Used where text enters (is this
// file text at all?), where it is split, and where bytes that a model made are shown.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace io {

/// What stands at the beginning of some bytes.
struct Utf8Sequence {
  enum class Kind : std::uint8_t {
    valid,
    invalid,    // no continuation makes these bytes valid
    truncated,  // the bytes end within a sequence that is valid so far
  };
  Kind kind;
  /// Length of the sequence, or of the longest part of it that could have begun a valid one (at least 1).
  std::uint8_t length_bytes;
  /// Where the kind is `valid`.
  char32_t code_point;
};

/// Reads one sequence at the beginning of `text`, which is not empty. Never fails.
Utf8Sequence read_utf8(std::string_view text) noexcept;

/// The offset in bytes of the first byte of the first sequence that is invalid or cut off by the end, if there is one.
std::optional<std::size_t> first_invalid_utf8(std::string_view text) noexcept;

/// The text with U+FFFD in place of every invalid part: one for each maximal subpart, as Unicode 16, 3.9, recommends
/// and as browsers and Python's errors="replace" do.
std::string to_valid_utf8(std::string_view text);

/// Validates a text that arrives in pieces; sequences may be cut at their borders. One validator per text.
class Utf8Validator {
 public:
  /// False once the text is known to be invalid, and from then on.
  bool feed(std::string_view piece) noexcept;
  /// Ends the text: false where it was invalid or ends within a sequence.
  bool finish() noexcept;
  /// After false: the offset in the whole text of the first byte of the first invalid sequence.
  std::uint64_t error_offset_bytes() const noexcept { return error_offset_bytes_; }

 private:
  bool fail_at(std::uint64_t offset_bytes) noexcept;

  char pending_[4] = {};  // the beginning of a sequence whose end has not come
  std::size_t pending_bytes_ = 0;
  std::uint64_t fed_bytes_ = 0;  // pending included
  std::uint64_t error_offset_bytes_ = 0;
  bool failed_ = false;
};

}  // namespace io
