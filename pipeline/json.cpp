#include "pipeline/json.hpp"

#include <fmt/format.h>

#include <cmath>

#include "io/utf8.hpp"

namespace pipeline {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : io::to_valid_utf8(text)) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string json_number(double number) {
  return std::isfinite(number) ? fmt::format("{}", number) : "null";
}

}  // namespace pipeline
