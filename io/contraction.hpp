#pragma once

// What splitting patterns cut off behind a word: 's 't 'm 'd 're 've 'll.

#include <cstddef>
#include <string_view>

namespace io {

/// Bytes of the contraction at `at`, where an apostrophe stands; 0: there is none. `any_case`: as (?i:...) has it in
/// Rust, where U+017F is an s.
inline std::size_t contraction_bytes(std::string_view text, std::size_t at, bool any_case) noexcept {
  const std::string_view rest = text.substr(at + 1, 2);
  const auto letter = [&](std::size_t i) noexcept -> char {
    if (i >= rest.size()) return 0;
    return any_case && rest[i] >= 'A' && rest[i] <= 'Z' ? static_cast<char>(rest[i] + ('a' - 'A')) : rest[i];
  };
  switch (letter(0)) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return 2;
    case 'r':
    case 'v':
      return letter(1) == 'e' ? 3 : 0;
    case 'l':
      return letter(1) == 'l' ? 3 : 0;
    default:
      return any_case && rest == "\xC5\xBF" ? 3 : 0;
  }
}

}  // namespace io
