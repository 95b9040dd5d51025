#pragma once

// The part of io/character_masks.hpp that works on vectors.

#include <cstddef>
#include <cstdint>

namespace io {

/// Where the bits of 64 bytes each go.
struct AsciiMasks {
  std::uint64_t* letters;
  std::uint64_t* uppers;
  std::uint64_t* numbers;
  std::uint64_t* spaces;
  std::uint64_t* blanks;
  std::uint64_t* apostrophes;
  std::uint64_t* newlines;
  std::uint64_t* slashes;
  std::uint64_t* wide;  ///< bytes from 0x80 on, which have no kind yet
};

/// Classifies 64 * `words_count` bytes.
void classify_ascii(const char* text, std::size_t words_count, const AsciiMasks& masks);

}  // namespace io
