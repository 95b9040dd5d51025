#pragma once

// The Unicode classes that split patterns speak of: \p{L} and its parts, \p{M}, \p{N} and \s as Rust's regular
// expressions understand them (\s is White_Space: U+0085 is in it, U+FEFF and U+180E are not). The tables are generated
// by io/unicode_tables.py and say their version; two stages, four bits a code point, small enough for a text's part of
// them to stay in the first-level cache.

#include <cstdint>

namespace io {

/// `upper`: \p{Lu} and \p{Lt}; `lower`: \p{Ll}; `letter`: \p{Lm} and \p{Lo}, which have no case.
enum class CharacterKind : std::uint8_t { other, number, space, mark, upper, lower, letter };

enum class CharacterClass : std::uint8_t { other, letter, number, space };

namespace unicode_tables {
/// Of the Unicode data, e.g. "16.0.0".
extern const char* const version;
extern const std::uint8_t block_of[];  // by code point / 256
extern const std::uint8_t kinds[];     // by block, two code points a byte
}  // namespace unicode_tables

/// The kind of a code point below 0x110000. Unassigned code points and surrogates are `other`. Never fails.
inline CharacterKind character_kind(char32_t code_point) noexcept {
  const unsigned block = unicode_tables::block_of[code_point >> 8];
  const unsigned two = unicode_tables::kinds[block * 128 + ((code_point & 0xFF) >> 1)];
  return static_cast<CharacterKind>(two >> ((code_point & 1) * 4) & 15);
}

constexpr CharacterClass class_of(CharacterKind kind) noexcept {
  constexpr CharacterClass classes[] = {CharacterClass::other,  CharacterClass::number, CharacterClass::space,
                                        CharacterClass::other,  CharacterClass::letter, CharacterClass::letter,
                                        CharacterClass::letter, CharacterClass::other};
  return classes[static_cast<unsigned>(kind)];
}

inline CharacterClass character_class(char32_t code_point) noexcept {
  return class_of(character_kind(code_point));
}

}  // namespace io
