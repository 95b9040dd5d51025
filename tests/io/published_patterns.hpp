#pragma once

// The published split patterns, run by PCRE2: what our own scanners are compared with.

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "io/splitter.hpp"
#include "tests/io/random_text.hpp"

using Pretokens = std::vector<std::string>;

/// The published pattern, run by PCRE2.
class Pattern {
 public:
  explicit Pattern(const char* pattern) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern), PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &error,
                          &offset, nullptr);
    if (code_ == nullptr) throw std::runtime_error("PCRE2 does not compile the pattern");
    match_ = pcre2_match_data_create_from_pattern(code_, nullptr);
  }
  Pattern(const Pattern&) = delete;
  ~Pattern() {
    pcre2_match_data_free(match_);
    pcre2_code_free(code_);
  }

  Pretokens matches(const std::string& text) const {
    Pretokens found;
    std::size_t at = 0;
    while (at < text.size() && pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                                           at == 0 ? 0 : PCRE2_NO_UTF_CHECK, match_, nullptr) > 0) {
      const PCRE2_SIZE* const ends = pcre2_get_ovector_pointer(match_);
      found.push_back(text.substr(ends[0], ends[1] - ends[0]));
      at = ends[1];
    }
    return found;
  }

 private:
  pcre2_code* code_;
  pcre2_match_data* match_;
};

/// The pattern as its tokenizer's makers publish it (io/pretoken_scanner.hpp).
inline const Pattern& published(io::SplitPattern pattern) {
  static const Pattern gpt2(R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)");
  static const Pattern cl100k(
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  static const Pattern qwen2(
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  static const Pattern o200k(
      R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
      R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
      R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  switch (pattern) {
    case io::SplitPattern::cl100k:
      return cl100k;
    case io::SplitPattern::qwen2:
      return qwen2;
    case io::SplitPattern::o200k:
      return o200k;
    default:
      return gpt2;
  }
}

/// The code points that PCRE2's version of Unicode (14 in Debian 12) knows; later ones have other classes there.
/// U+180E is white space for PCRE2 and for nobody else since Unicode 6.3.
inline const std::vector<char32_t>& code_points_of_pcre2() {
  static const std::vector<char32_t> known = [] {
    std::string all;
    for (char32_t c = 0; c < 0x110000; ++c) {
      if (c < 0xD800 || c >= 0xE000) append_utf8(all, c);
    }
    std::vector<char32_t> found;
    for (const std::string& character : Pattern(R"(\P{Cn})").matches(all)) {
      char32_t c = static_cast<unsigned char>(character[0]);
      if (character.size() > 1) c &= 0x7Fu >> character.size();
      for (std::size_t i = 1; i < character.size(); ++i) c = c << 6 | (character[i] & 0x3F);
      if (c != 0x180E) found.push_back(c);
    }
    return found;
  }();
  return known;
}

/// The text without its marks and without letters that have no case.
inline std::string cased_text(const std::string& text) {
  static const Pattern wanted(R"([^\p{Lm}\p{Lo}\p{M}]+)");
  std::string cased;
  for (const std::string& part : wanted.matches(text)) cased += part;
  return cased;
}
