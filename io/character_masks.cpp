#include "io/character_masks.hpp"

#include <algorithm>
#include <cstring>

#include "io/ascii_masks.hpp"
#include "io/unicode.hpp"
#include "io/utf8.hpp"

namespace io {
namespace {

constexpr bool is_continuation(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

struct Character {
  CharacterKind kind;
  std::size_t bytes;
};

/// The character at the beginning of `text`, whose first byte is not ASCII.
Character wide_character(std::string_view text) noexcept {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first >= 0xC2 && first < 0xE0 && text.size() > 1 && is_continuation(text[1])) {
    const char32_t code_point = (first & 0x1Fu) << 6 | (static_cast<unsigned char>(text[1]) & 0x3Fu);
    return {character_kind(code_point), 2};
  }
  const Utf8Sequence sequence = read_utf8(text);
  if (sequence.kind != Utf8Sequence::Kind::valid) return {CharacterKind::other, 1};
  return {character_kind(sequence.code_point), sequence.length_bytes};
}

}  // namespace

void CharacterMasks::grow(bool cased) {
  const std::size_t words = words_count_ + 2;  // a character may reach into the next one, and runs end in the last
  for (ByteMask* const mask : {&letters, &numbers, &spaces, &others, &continuations, &blanks, &apostrophes, &newlines,
                               &slashes, &uppers_, &wide_})
    mask->grow(words);
  if (!cased) return;
  for (ByteMask* const mask : {&upper_runs, &lower_runs, &marks}) mask->grow(words);
}

void CharacterMasks::classify_ascii(const char* text, std::size_t first_word, std::size_t words_count) {
  const AsciiMasks masks{letters.data() + first_word,  uppers_.data() + first_word, numbers.data() + first_word,
                         spaces.data() + first_word,   blanks.data() + first_word,  apostrophes.data() + first_word,
                         newlines.data() + first_word, slashes.data() + first_word, wide_.data() + first_word};
  io::classify_ascii(text, words_count, masks);
}

void CharacterMasks::set(ByteMask& mask, std::size_t begin, std::size_t bytes) noexcept {
  const std::uint64_t bits = (std::uint64_t{1} << bytes) - 1;
  const std::size_t shift = begin % 64;
  mask[begin / 64] |= bits << shift;
  if (shift + bytes > 64) mask[begin / 64 + 1] |= bits >> (64 - shift);
}

/// The characters that begin in this word.
void CharacterMasks::classify_wide(std::string_view text, std::size_t word, std::uint64_t wide, bool cased) {
  while (wide != 0) {
    const std::size_t at = word * 64 + static_cast<std::size_t>(std::countr_zero(wide));
    const Character character = wide_character(text.substr(at));
    if (character.bytes > 1) set(continuations, at + 1, character.bytes - 1);
    switch (class_of(character.kind)) {
      case CharacterClass::letter:
        set(letters, at, character.bytes);
        break;
      case CharacterClass::number:
        set(numbers, at, character.bytes);
        break;
      case CharacterClass::space:
        set(spaces, at, character.bytes);
        break;
      case CharacterClass::other:
        break;
    }
    if (cased) {
      if (character.kind == CharacterKind::mark) set(marks, at, character.bytes);
      const bool either = character.kind == CharacterKind::mark || character.kind == CharacterKind::letter;
      if (either || character.kind == CharacterKind::upper) set(upper_runs, at, character.bytes);
      if (either || character.kind == CharacterKind::lower) set(lower_runs, at, character.bytes);
    }
    const std::size_t next = at + character.bytes - word * 64;
    wide = next >= 64 ? 0 : wide >> next << next;
  }
}

void CharacterMasks::classify(std::string_view text, bool cased) {
  const std::size_t whole_words = text.size() / 64;
  words_count_ = whole_words + 1;
  grow(cased);
  classify_ascii(text.data(), 0, whole_words);
  char last[64];
  std::memset(last, ' ', sizeof last);
  std::memcpy(last, text.data() + whole_words * 64, text.size() % 64);
  classify_ascii(last, whole_words, 1);

  std::fill_n(continuations.data(), words_count_ + 1, 0);
  if (cased) {
    std::fill_n(marks.data(), words_count_ + 1, 0);
    for (std::size_t i = 0; i < words_count_; ++i) {
      upper_runs[i] = uppers_[i];
      lower_runs[i] = letters[i] & ~uppers_[i];
    }
    upper_runs[words_count_] = lower_runs[words_count_] = 0;
  }
  letters[words_count_] = numbers[words_count_] = spaces[words_count_] = newlines[words_count_] = 0;
  for (std::size_t i = 0; i < words_count_; ++i) {
    if (wide_[i] != 0) classify_wide(text, i, wide_[i] & ~continuations[i], cased);
    others[i] = ~(letters[i] | numbers[i] | spaces[i]);
  }
  std::uint64_t caseless = 0;
  for (std::size_t i = 0; cased && i < words_count_; ++i) caseless |= upper_runs[i] & lower_runs[i];
  any_caseless_ = caseless != 0;
  others[words_count_] = 0;
}

}  // namespace io
