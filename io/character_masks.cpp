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
  if (first > 0xE0 && first < 0xF0 && first != 0xED && text.size() > 2 && is_continuation(text[1]) &&
      is_continuation(text[2])) {
    const char32_t code_point = (first & 0x0Fu) << 12 | (static_cast<unsigned char>(text[1]) & 0x3Fu) << 6 |
                                (static_cast<unsigned char>(text[2]) & 0x3Fu);
    return {character_kind(code_point), 3};
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

/// The characters that begin in this word, of which the last one may end in the next.
void CharacterMasks::classify_wide(std::string_view text, std::size_t word, std::uint64_t wide, bool cased) {
  struct Bits {
    std::uint64_t here = 0, next = 0;
    Bits operator|(const Bits& other) const noexcept { return {here | other.here, next | other.next}; }
  };
  constexpr auto kinds_count = static_cast<std::size_t>(CharacterKind::letter) + 1;
  Bits of_kind[kinds_count], continued;
  while (wide != 0) {
    const auto begin = static_cast<std::size_t>(std::countr_zero(wide));
    const Character character = wide_character(text.substr(word * 64 + begin));
    const std::size_t end = begin + character.bytes;
    const std::uint64_t ones = (std::uint64_t{1} << character.bytes) - 1;
    const Bits bits{ones << begin, end > 64 ? ones >> (64 - begin) : 0};
    Bits& same = of_kind[static_cast<std::size_t>(character.kind)];
    same = same | bits;
    continued = continued | Bits{bits.here & (bits.here - 1), bits.next};
    wide = end >= 64 ? 0 : wide >> end << end;
  }
  const auto add = [word](ByteMask& mask, const Bits& bits) {
    mask[word] |= bits.here;
    mask[word + 1] |= bits.next;
  };
  const auto bits_of = [&of_kind](CharacterKind kind) { return of_kind[static_cast<std::size_t>(kind)]; };
  const Bits upper = bits_of(CharacterKind::upper), lower = bits_of(CharacterKind::lower);
  const Bits letter = bits_of(CharacterKind::letter), mark = bits_of(CharacterKind::mark);
  add(continuations, continued);
  add(letters, upper | lower | letter);
  add(numbers, bits_of(CharacterKind::number));
  add(spaces, bits_of(CharacterKind::space));
  if (!cased) return;
  add(marks, mark);
  add(upper_runs, upper | letter | mark);
  add(lower_runs, lower | letter | mark);
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
