#include "tests/io/plain_pretokenizer.hpp"

#include <array>

#include "io/utf8.hpp"

namespace io {
namespace {

std::array<CharacterClass, 128> make_ascii_classes() noexcept {
  std::array<CharacterClass, 128> classes{};
  for (char32_t c = 0; c < 128; ++c) classes[c] = character_class(c);
  return classes;
}

const std::array<CharacterClass, 128> ascii_classes = make_ascii_classes();

enum class Contraction { none, two_bytes, three_bytes, open };

/// Whether 's 't 'm 'd 're 've 'll stands at `at`, where there is an apostrophe.
Contraction contraction_at(std::string_view text, std::size_t at, bool complete) noexcept {
  const std::string_view rest = text.substr(at + 1);
  const Contraction at_the_end = complete ? Contraction::none : Contraction::open;
  if (rest.empty()) return at_the_end;
  switch (rest[0]) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return Contraction::two_bytes;
    case 'r':
    case 'v':
    case 'l':
      if (rest.size() == 1) return at_the_end;
      return rest[1] == (rest[0] == 'l' ? 'l' : 'e') ? Contraction::three_bytes : Contraction::none;
    default:
      return Contraction::none;
  }
}

}  // namespace

Gpt2Pretokenizer::Unit Gpt2Pretokenizer::unit_at(std::string_view text, std::size_t at, bool complete) noexcept {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x80) return {ascii_classes[byte], 1};
  const Utf8Sequence sequence = read_utf8(text.substr(at));
  if (sequence.kind == Utf8Sequence::Kind::valid) return {character_class(sequence.code_point), sequence.length_bytes};
  if (sequence.kind == Utf8Sequence::Kind::truncated && !complete) return {CharacterClass::other, 0};
  return {CharacterClass::other, 1};
}

bool Gpt2Pretokenizer::begin_run(std::string_view text, std::size_t begin, bool complete) noexcept {
  const Unit first = unit_at(text, begin, complete);
  if (first.bytes == 0) return false;
  kind_ = first.kind;
  last_bytes_ = first.bytes;
  if (text[begin] != ' ') {
    scanned_bytes_ = first.bytes;
    return true;
  }
  // A space belongs to the letters, numbers or others after it.
  if (begin + 1 == text.size()) {
    if (complete) scanned_bytes_ = 1;
    return complete;
  }
  const Unit second = unit_at(text, begin + 1, complete);
  if (second.bytes == 0) return false;
  kind_ = second.kind;
  last_bytes_ = second.bytes;
  scanned_bytes_ = 1 + second.bytes;
  return true;
}

std::optional<std::size_t> Gpt2Pretokenizer::pretoken_end(std::string_view text, std::size_t begin,
                                                          bool complete) noexcept {
  if (scanned_bytes_ == 0) {
    if (text[begin] == '\'') {
      const Contraction contraction = contraction_at(text, begin, complete);
      if (contraction == Contraction::open) return std::nullopt;
      if (contraction == Contraction::two_bytes) return begin + 2;
      if (contraction == Contraction::three_bytes) return begin + 3;
    }
    if (!begin_run(text, begin, complete)) return std::nullopt;
  }
  std::size_t at = begin + scanned_bytes_;
  while (at < text.size()) {
    const Unit unit = unit_at(text, at, complete);
    if (unit.bytes == 0) break;
    if (unit.kind != kind_) {
      // White space leaves its last character to what follows, where it has more than one: \s+(?!\S).
      const bool leaves_last = kind_ == CharacterClass::space && at - begin > last_bytes_;
      scanned_bytes_ = 0;
      return leaves_last ? at - last_bytes_ : at;
    }
    at += unit.bytes;
    last_bytes_ = unit.bytes;
  }
  if (!complete) {
    scanned_bytes_ = at - begin;
    return std::nullopt;
  }
  scanned_bytes_ = 0;
  return text.size();
}

}  // namespace io
