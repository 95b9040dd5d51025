#include "io/format.hpp"

#include <algorithm>

namespace io {

bool has_ending(std::string_view name, std::string_view ending) noexcept {
  if (name.size() < ending.size()) return false;
  return std::equal(ending.begin(), ending.end(), name.end() - static_cast<std::ptrdiff_t>(ending.size()),
                    [](char small, char c) { return small == (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
}

FileKind kind_of_name(std::string_view name) {
  FileKind kind;
  if (has_ending(name, ".gz")) {
    kind.compression = Compression::gzip;
    name.remove_suffix(3);
  } else if (has_ending(name, ".zst")) {
    kind.compression = Compression::zstd;
    name.remove_suffix(4);
  }
  if (has_ending(name, ".jsonl") || has_ending(name, ".ndjson")) kind.format = Format::json_lines;
  if (has_ending(name, ".bin")) kind.format = Format::tokens;
  return kind;
}

std::string kind_name(Format format, Compression compression) {
  std::string name = "text";
  if (format == Format::json_lines) name = "jsonl";
  if (format == Format::tokens) name = "tokens";
  if (compression == Compression::gzip) name += ".gz";
  if (compression == Compression::zstd) name += ".zst";
  return name;
}

}  // namespace io
