#include "pipeline/accounting.hpp"

#include <fmt/format.h>

#include "pipeline/json.hpp"

namespace pipeline {

std::string describe(const io::Skip& skip) {
  if (skip.offset_bytes == 0) return fmt::format("{}: {}", skip.path, skip.reason);
  return fmt::format("{}: {} at byte {}", skip.path, skip.reason, skip.offset_bytes);
}

std::string to_json_line(const io::Skip& skip) {
  return fmt::format("{{\"path\": {}, \"offset\": {}, \"reason\": {}}}\n", json_string(skip.path), skip.offset_bytes,
                     json_string(skip.reason));
}

}  // namespace pipeline
