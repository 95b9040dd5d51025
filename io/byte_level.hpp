#pragma once

// The alphabet in which tokenizer.json, vocab.json and merges.txt write bytes: a printable character for each of the
// 256, so that every token is readable text without white space. Printable bytes of Latin-1 stand for themselves, the
// other 68 are U+0100 onwards in rising order: a space is U+0120.
//   Source: bytes_to_unicode() of OpenAI's GPT-2, encoder.py.

#include <optional>
#include <string>
#include <string_view>

namespace io {

/// The bytes as text of that alphabet.
std::string byte_level_text(std::string_view bytes);

/// The bytes that `text` (UTF-8) stands for; nothing where it has a character that is not of the alphabet.
std::optional<std::string> byte_level_bytes(std::string_view text);

}  // namespace io
