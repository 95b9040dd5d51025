#pragma once

// Random texts that are hard on tokenizers, a function of their seed.

#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

/// 0 to count-1. (g++ 12 with sanitizers warns of Boost's own xrange.)
inline std::vector<std::uint32_t> seeds(std::uint32_t count) {
  std::vector<std::uint32_t> seeds(count);
  std::iota(seeds.begin(), seeds.end(), 0u);
  return seeds;
}

inline void append_utf8(std::string& text, char32_t c) {
  if (c < 0x80) {
    text += static_cast<char>(c);
    return;
  }
  const int length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  text += static_cast<char>((0xF00 >> length) | c >> 6 * (length - 1));
  for (int i = length - 2; i >= 0; --i) text += static_cast<char>(0x80 | (c >> 6 * i & 0x3F));
}

/// Pieces that meet at every border the split knows, with code points of `alphabet` (any, where it is empty).
inline std::string random_text(std::uint32_t seed, std::size_t pieces_count,
                               const std::vector<char32_t>& alphabet = {}) {
  static const std::vector<std::string_view> pieces = {
      " ",  "  ", "\t", "\n",   "\r\n", "   \n ", "\xC2\xA0",  "\xC2\x85",     "\xE3\x80\x80", "\xE2\x80\xA8",
      "'",  "'s", "'t", "'re",  "'ve",  "'m",     "'ll",       "'d",           "'S",           "'r",
      "'l", "''", "s",  "e",    "l",    "the",    "Hello",     " world",       "straight",     "aaaaaaaaaaaaaaaa",
      "0",  "42", ".",  "....", "!?",   "-",      "\xCC\x81",  "\xC3\xA9",     "\xD0\x96",     "\xE4\xB8\xAD",
      "_",  "(",  ")",  "{}",   ";\n",  "//",     "\xC2\xBD",  "\xEF\xBB\xBF", "\xE2\x80\x8B", "<|endoftext|>",
      "\\", "x",  "I",  "ing",  " a",   "in",     "\xC5\xBFs", "\xE2\x85\xA7", "\xD9\xA3",     "\xF0\x9F\x98\x80"};
  std::mt19937 random(seed);
  std::string text;
  for (std::size_t i = 0; i < pieces_count; ++i) {
    if (random() % 3 != 0) {
      text += pieces[random() % pieces.size()];
    } else if (!alphabet.empty()) {
      append_utf8(text, alphabet[random() % alphabet.size()]);
    } else {
      const char32_t c = random() % (random() % 2 == 0 ? 0x3000 : 0x110000);
      append_utf8(text, c >= 0xD800 && c < 0xE000 ? U'?' : c);
    }
  }
  return text;
}

/// Any bytes, with many that begin or go on with UTF-8.
inline std::string random_bytes(std::uint32_t seed, std::size_t size_bytes) {
  std::mt19937 random(seed);
  constexpr std::string_view often = " 'sea\xE4\xB8\xAD\xF0\x9F\x98\x80\xC3\xA9\xED\xA0\x80\xC0\xFF\xC2\x85";
  std::string bytes;
  while (bytes.size() < size_bytes)
    bytes += random() % 2 == 0 ? often[random() % often.size()] : static_cast<char>(random() % 256);
  return bytes;
}

/// The text in pieces of 0 to `piece_bytes_max` bytes.
inline std::vector<std::string_view> random_pieces(std::string_view text, std::uint32_t seed,
                                                   std::size_t piece_bytes_max) {
  std::mt19937 random(seed);
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < text.size(); at += pieces.back().size())
    pieces.push_back(text.substr(at, random() % (piece_bytes_max + 1)));
  return pieces;
}
