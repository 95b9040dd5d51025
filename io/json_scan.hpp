#pragma once

// Where a run of plain characters in a JSON string ends: the inner loop of io/json_stream.cpp.

#include <bit>
#include <cstdint>
#include <cstring>

namespace io {

/// The first byte from `at` on that a string of JSON cannot hold as itself: a quote, a backslash or a control
/// character; `end` where there is none. Never fails.
inline const char* end_of_plain_run(const char* at, const char* end) noexcept {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t ones = 0x0101010101010101, highs = 0x80 * ones;
  // Eight bytes in a word. The subtractions set the high bit of bytes below the one subtracted; a borrow can only come
  // from a byte that is itself found, so the lowest one found is right.
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    const std::uint64_t quotes = (word ^ '"' * ones) - ones, backslashes = (word ^ '\\' * ones) - ones;
    const std::uint64_t found = (quotes | backslashes | (word - 0x20 * ones)) & ~word & highs;
    if (found != 0) return at + std::countr_zero(found) / 8;
  }
  while (at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
  return at;
}

}  // namespace io
