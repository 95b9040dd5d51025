#include "io/byte_level.hpp"

#include <array>
#include <cstdint>

#include "io/utf8.hpp"

namespace io {
namespace {

constexpr char32_t alphabet_end = 0x144;  // 0x100 and the 68 bytes that do not stand for themselves

struct Alphabet {
  std::array<char32_t, 256> character_of{};
  std::array<std::int16_t, alphabet_end> byte_of{};  // -1: no byte's character

  Alphabet() {
    byte_of.fill(-1);
    char32_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const bool itself = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
      character_of[byte] = itself ? byte : next++;
      byte_of[character_of[byte]] = static_cast<std::int16_t>(byte);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet alphabet;
  return alphabet;
}

}  // namespace

std::string byte_level_text(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    const char32_t character = alphabet().character_of[static_cast<unsigned char>(byte)];
    if (character < 0x80) {
      text += static_cast<char>(character);
    } else {
      text += static_cast<char>(0xC0 | character >> 6);
      text += static_cast<char>(0x80 | (character & 0x3F));
    }
  }
  return text;
}

std::optional<std::string> byte_level_bytes(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  while (!text.empty()) {
    const Utf8Sequence character = read_utf8(text);
    if (character.kind != Utf8Sequence::Kind::valid || character.code_point >= alphabet_end) return std::nullopt;
    const std::int16_t byte = alphabet().byte_of[character.code_point];
    if (byte < 0) return std::nullopt;
    bytes += static_cast<char>(byte);
    text.remove_prefix(character.length_bytes);
  }
  return bytes;
}

}  // namespace io
