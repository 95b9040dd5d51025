#include "io/path_text.hpp"

#include <fmt/format.h>

#include "io/utf8.hpp"

namespace io {

std::string path_text(std::string_view path) {
  if (path.empty()) return "\"\"";
  std::string text;
  for (const char c : to_valid_utf8(path)) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '\n') {
      text += "\\n";
    } else if (code < 0x20 || code == 0x7f) {
      text += fmt::format("\\x{:02x}", code);
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace io
