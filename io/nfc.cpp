#include "io/nfc.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <vector>

#include "io/utf8.hpp"

namespace io {
namespace {

/// Below this every character begins a composition, and none changes.
constexpr char32_t first_mark = 0x300;

/// Characters of Unicode 10 to 15 that combine there. Hugging Face's normalizer is of Unicode 9, where they stand
/// alone.
struct Range {
  char32_t first, last;
};
constexpr Range later_marks[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},     {0xC3C, 0xC3C},
    {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},   {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},
    {0xA82C, 0xA82C},   {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50},
    {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
    {0x11930, 0x11938}, {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34},
    {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97},
    {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE},
    {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}};

bool is_later(char32_t character) noexcept {
  if (character < later_marks[0].first) return false;
  const auto* const range = std::lower_bound(std::begin(later_marks), std::end(later_marks), character,
                                             [](const Range& a, char32_t c) { return a.last < c; });
  return range != std::end(later_marks) && character >= range->first;
}

const utf8proc_property_t& property_of(char32_t character) noexcept {
  return *utf8proc_get_property(static_cast<utf8proc_int32_t>(character));
}

int class_of_mark(char32_t character) noexcept {
  const int combining_class = property_of(character).combining_class;
  return combining_class != 0 && is_later(character) ? 0 : combining_class;
}

/// Whether it may compose with what stands before it.
bool joins(char32_t character) noexcept {
  const utf8proc_property_t& property = property_of(character);
  const bool may_join = property.combining_class != 0 || property.comb_index >= 0x8000;
  if (may_join && is_later(character)) return false;
  if (property.combining_class != 0) return true;
  if (property.comb_index >= 0x8000 && property.comb_index != UINT16_MAX) return true;
  return (character >= 0x1161 && character <= 0x1175) || (character >= 0x11A8 && character <= 0x11C2);  // Hangul
}

struct Nature {
  bool begins;   // it composes with nothing before it
  bool is_same;  // alone it is its own normal form
};

/// The canonical decomposition. Returns its length.
constexpr std::size_t decomposition_max = 16;
std::size_t decompose(char32_t character, utf8proc_int32_t (&parts)[decomposition_max]) noexcept {
  if (is_later(character)) {
    parts[0] = static_cast<utf8proc_int32_t>(character);
    return 1;
  }
  int last_class = 0;
  const utf8proc_ssize_t count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(character), parts, decomposition_max,
                              static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE), &last_class);
  assert(count > 0 && static_cast<std::size_t>(count) <= decomposition_max);
  return static_cast<std::size_t>(count);
}

Nature nature_of(char32_t character) noexcept {
  if (character < first_mark) return {true, true};
  if (joins(character)) return {false, false};
  if (property_of(character).decomp_seqindex == UINT16_MAX || is_later(character) ||
      (character >= 0xAC00 && character <= 0xD7A3))
    return {true, true};
  utf8proc_int32_t parts[decomposition_max];
  decompose(character, parts);
  return {!joins(static_cast<char32_t>(parts[0])), false};
}

}  // namespace

/// Text of whole characters that composes with nothing around it.
void NfcNormalizer::compose(std::string_view text, std::string& out) {
  std::u32string& all = code_points_;
  all.clear();
  while (!text.empty()) {
    const Utf8Sequence sequence = read_utf8(text);
    utf8proc_int32_t parts[decomposition_max];
    const std::size_t count = decompose(sequence.code_point, parts);
    all.append(parts, parts + count);
    text.remove_prefix(sequence.length_bytes);
  }
  for (auto begin = all.begin(); begin != all.end();) {
    const auto is_starter = [&](char32_t character) { return class_of_mark(character) == 0; };
    begin = std::find_if_not(begin, all.end(), is_starter);
    const auto end = std::find_if(begin, all.end(), is_starter);
    std::stable_sort(begin, end, [&](char32_t a, char32_t b) { return class_of_mark(a) < class_of_mark(b); });
    begin = end;
  }
  std::vector<utf8proc_int32_t> composed(all.begin(), all.end());
  const utf8proc_ssize_t length =
      utf8proc_normalize_utf32(composed.data(), static_cast<utf8proc_ssize_t>(composed.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  assert(length >= 0);
  for (utf8proc_ssize_t i = 0; i < length; ++i) {
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t count = utf8proc_encode_char(composed[static_cast<std::size_t>(i)], bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
  }
}

std::size_t NfcNormalizer::take(std::string_view text, bool complete, std::string& out) {
  std::size_t begin = 0;  // of what is not given yet
  std::size_t last = 0;   // the character that what comes may compose with
  bool same = true;       // what is from begin on stays as it is
  std::size_t at = 0;
  const auto give = [&](std::size_t end) {
    if (same)
      out += text.substr(begin, end - begin);
    else
      compose(text.substr(begin, end - begin), out);
    begin = end;
    same = true;
  };
  while (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      if (!same) give(at);
      last = at++;
      continue;
    }
    const Utf8Sequence sequence = read_utf8(text.substr(at));
    if (sequence.kind != Utf8Sequence::Kind::valid) {
      if (sequence.kind == Utf8Sequence::Kind::truncated && !complete) break;
      give(at);
      out += text[at++];
      begin = last = at;
      continue;
    }
    const Nature nature = nature_of(sequence.code_point);
    if (nature.begins) {
      if (!same || !nature.is_same) give(at);
      last = at;
    } else if (same) {
      give(last);
    }
    same = same && nature.is_same;
    at += sequence.length_bytes;
  }
  if (complete) {
    give(text.size());
  } else if (same && last > begin) {
    give(last);
  }
  return begin;
}

void NfcNormalizer::normalize(std::string_view piece, std::string& out) {
  if (held_.empty()) {
    held_ = piece.substr(take(piece, false, out));
  } else {
    held_ += piece;
    if (held_.size() < held_bytes_min_) return;
    held_.erase(0, take(held_, false, out));
  }
  // Marks without end are looked at again when they have doubled: their cost is their length.
  held_bytes_min_ = held_.size() > 64 ? 2 * held_.size() : 0;
}

void NfcNormalizer::finish(std::string& out) {
  take(held_, true, out);
  held_.clear();
  held_bytes_min_ = 0;
}

namespace {

class NfcEncoder final : public Encoder {
 public:
  explicit NfcEncoder(std::unique_ptr<Encoder> inner) : inner_(std::move(inner)) {}

  void encode(std::string_view piece, std::vector<TokenId>& ids) override {
    normalizer_.normalize(piece, normalized_);
    give(ids);
  }

  void finish(std::vector<TokenId>& ids) override {
    normalizer_.finish(normalized_);
    give(ids);
    inner_->finish(ids);
  }

 private:
  void give(std::vector<TokenId>& ids) {
    if (!normalized_.empty()) inner_->encode(normalized_, ids);
    normalized_.clear();
  }

  std::unique_ptr<Encoder> inner_;
  NfcNormalizer normalizer_;
  std::string normalized_;
};

}  // namespace

std::unique_ptr<Encoder> nfc_encoder(std::unique_ptr<Encoder> inner) {
  return std::make_unique<NfcEncoder>(std::move(inner));
}

}  // namespace io
