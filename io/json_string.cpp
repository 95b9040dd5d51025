#include "io/json_string.hpp"

namespace io {

void append_json_string(std::string& json, std::string_view text) {
  constexpr std::string_view hex_digits = "0123456789abcdef";
  json += '"';
  for (const char character : text) {
    switch (character) {
      case '"':
        json += "\\\"";
        break;
      case '\\':
        json += "\\\\";
        break;
      case '\n':
        json += "\\n";
        break;
      case '\r':
        json += "\\r";
        break;
      case '\t':
        json += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(character) < 0x20) {
          json += "\\u00";
          json += hex_digits[static_cast<unsigned char>(character) >> 4];
          json += hex_digits[character & 0xF];
        } else {
          json += character;
        }
    }
  }
  json += '"';
}

}  // namespace io
