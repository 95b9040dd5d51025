#include "io/utf8.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

namespace io {
namespace {

constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

/// How many bytes of a sequence's beginning, without its end, stand at the end of `text`: 0 to 3.
std::size_t truncated_tail_bytes(std::string_view text) noexcept {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;  // a continuation: its sequence begins before it
    const Utf8Sequence sequence = read_utf8(text.substr(text.size() - back));
    return sequence.kind == Utf8Sequence::Kind::truncated ? back : 0;
  }
  return 0;
}

}  // namespace

Utf8Sequence read_utf8(std::string_view text) noexcept {
  using Kind = Utf8Sequence::Kind;
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {Kind::valid, 1, lead};
  // Table 3-7 of the Unicode standard: only the first continuation is restricted further, by the lead.
  if (lead < 0xC2 || lead > 0xF4) return {Kind::invalid, 1, 0};
  const std::uint8_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  unsigned low = 0x80, high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  char32_t code_point = lead & (0x7F >> length);
  for (std::uint8_t i = 1; i < length; ++i) {
    if (i == text.size()) return {Kind::truncated, i, 0};
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < low || byte > high) return {Kind::invalid, i, 0};
    code_point = code_point << 6 | (byte & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return {Kind::valid, length, code_point};
}

std::optional<std::size_t> first_invalid_utf8(std::string_view text) noexcept {
  if (text.empty() || simdjson::validate_utf8(text.data(), text.size())) return std::nullopt;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Sequence sequence = read_utf8(text.substr(at));
    if (sequence.kind != Utf8Sequence::Kind::valid) return at;
    at += sequence.length_bytes;
  }
  return std::nullopt;
}

std::string to_valid_utf8(std::string_view text) {
  // The good beginning, usually all of it, at the speed of the validator; from the first fault on one by one.
  const std::size_t good = first_invalid_utf8(text).value_or(text.size());
  std::string valid(text.substr(0, good));
  for (text.remove_prefix(good); !text.empty();) {
    const Utf8Sequence sequence = read_utf8(text);
    const bool is_valid = sequence.kind == Utf8Sequence::Kind::valid;
    valid += is_valid ? text.substr(0, sequence.length_bytes) : replacement_character;
    text.remove_prefix(sequence.length_bytes);
  }
  return valid;
}

bool Utf8Validator::fail_at(std::uint64_t offset_bytes) noexcept {
  failed_ = true;
  error_offset_bytes_ = offset_bytes;
  return false;
}

bool Utf8Validator::feed(std::string_view piece) noexcept {
  if (failed_) return false;
  while (pending_bytes_ > 0 && !piece.empty()) {
    pending_[pending_bytes_++] = piece[0];
    piece.remove_prefix(1);
    ++fed_bytes_;
    const Utf8Sequence sequence = read_utf8({pending_, pending_bytes_});
    if (sequence.kind == Utf8Sequence::Kind::invalid) return fail_at(fed_bytes_ - pending_bytes_);
    if (sequence.kind == Utf8Sequence::Kind::valid) pending_bytes_ = 0;
  }
  const std::size_t tail_bytes = truncated_tail_bytes(piece);
  const std::string_view whole = piece.substr(0, piece.size() - tail_bytes);
  if (const auto invalid = first_invalid_utf8(whole)) return fail_at(fed_bytes_ + *invalid);
  if (tail_bytes > 0) {
    std::memcpy(pending_, piece.data() + whole.size(), tail_bytes);
    pending_bytes_ = tail_bytes;
  }
  fed_bytes_ += piece.size();
  return true;
}

bool Utf8Validator::finish() noexcept {
  if (failed_) return false;
  if (pending_bytes_ > 0) return fail_at(fed_bytes_ - pending_bytes_);
  return true;
}

}  // namespace io
