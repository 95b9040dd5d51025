#pragma once

// Random records of JSON with all that the grammar has, and what damages them; functions of their generator's state.

#include <random>
#include <string>
#include <string_view>
#include <vector>

inline std::string_view one_of(std::mt19937& random, const std::vector<std::string_view>& choices) {
  return choices[random() % choices.size()];
}

inline std::string random_json_space(std::mt19937& random) {
  return std::string(one_of(random, {"", "", "", " ", "  ", "\t", "\r"}));
}

/// With its quotes.
inline std::string random_json_string(std::mt19937& random) {
  static const std::vector<std::string_view> parts = {"a",
                                                      "The war and the peace that is to follow",
                                                      " ",
                                                      "\\n",
                                                      "\\\"",
                                                      "\\\\",
                                                      "\\/",
                                                      "\\b\\f\\r\\t",
                                                      "\\u0000",
                                                      "\\u0041",
                                                      "\\u00e9",
                                                      "\\u4E2D",
                                                      "\\uFFFF",
                                                      "\\ud83d\\ude00",
                                                      "\\uDBFF\\uDFFF",
                                                      "\xC3\xA9",
                                                      "\xE4\xB8\xAD",
                                                      "\xF0\x9F\x98\x80",
                                                      "\x7F",
                                                      "{}[]:,",
                                                      "0",
                                                      "\\\\u",
                                                      "\\\\ud800"};
  std::string json = "\"";
  for (std::size_t i = random() % 6; i > 0; --i) json += one_of(random, parts);
  return json + '"';
}

inline std::string random_json_value(std::mt19937& random, int levels);

inline std::string random_json_object(std::mt19937& random, int levels) {
  static const std::vector<std::string_view> keys = {"\"text\"", "\"te\\u0078t\"", "\"\\u0061\"", "\"a\"",   "\"a\"",
                                                     "\"b\"",    "\"\"",           "\"text \"",   "\"tex\"", "\"a.b\""};
  std::string json = "{" + random_json_space(random);
  for (std::size_t i = 0, count = random() % 5; i < count; ++i) {
    json += random() % 8 == 0 ? random_json_string(random) : std::string(one_of(random, keys));
    json += random_json_space(random) + ":" + random_json_space(random);
    json += random_json_value(random, levels - 1) + random_json_space(random);
    if (i + 1 < count) json += "," + random_json_space(random);
  }
  return json + "}";
}

inline std::string random_json_value(std::mt19937& random, int levels) {
  const auto kind = random() % (levels > 0 ? 8 : 5);
  if (kind < 3) return random_json_string(random);
  if (kind == 3) return std::string(one_of(random, {"true", "false", "null"}));
  if (kind == 4) {
    return std::string(one_of(random, {"0", "-0", "7", "-1.5", "1e9", "0.5E+10", "12345678901234567890123", "1e-999",
                                       "1E400", "9223372036854775808", "-9223372036854775809", "3.14159"}));
  }
  if (kind < 7) return random_json_object(random, levels);
  std::string json = "[" + random_json_space(random);
  for (std::size_t i = 0, count = random() % 4; i < count; ++i)
    json += random_json_value(random, levels - 1) + (i + 1 < count ? "," : "") + random_json_space(random);
  return json + "]";
}

/// A line that is valid JSON; many have a "text", or an "a" with a "b" in it.
inline std::string random_json_line(std::mt19937& random) {
  return random_json_space(random) + random_json_object(random, 3) + random_json_space(random);
}

/// The line, in one to three places: bytes changed, put in, taken out or written twice.
inline std::string damaged(std::string line, std::mt19937& random) {
  constexpr std::string_view bytes = "\"\\{}[]:,u0eE+-. tfn\nd8\x01\xFF\xC3\xA9\xED\xA0\x80\xF0\x80";
  for (std::size_t i = random() % 3 + 1; i > 0; --i) {
    const std::size_t at = random() % (line.size() + 1);
    const char byte = random() % 4 == 0 ? static_cast<char>(random()) : bytes[random() % bytes.size()];
    switch (random() % 5) {
      case 0:
        line.insert(at, 1, byte);
        break;
      case 1:
        line.erase(at, random() % 2 == 0 ? 1 : random() % 9);
        break;
      case 2:
        line.insert(at, line.substr(at, random() % 9));
        break;
      case 3:
        if (at < line.size()) line[at] = static_cast<char>(line[at] ^ 1 << random() % 8);
        break;
      default:
        if (at < line.size()) line[at] = byte;
    }
  }
  return line;
}
