#include "io/format.hpp"

#include <algorithm>

namespace io {
namespace {

std::string in_small_letters(std::string_view name) {
  std::string small(name);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return small;
}

}  // namespace

FileKind kind_of_name(std::string_view name) {
  const std::string small = in_small_letters(name);
  std::string_view rest = small;
  FileKind kind;
  if (rest.ends_with(".bin")) {
    kind.format = Format::tokens;
    return kind;
  }
  if (rest.ends_with(".gz")) {
    kind.compression = Compression::gzip;
    rest.remove_suffix(3);
  } else if (rest.ends_with(".zst")) {
    kind.compression = Compression::zstd;
    rest.remove_suffix(4);
  }
  if (rest.ends_with(".jsonl") || rest.ends_with(".ndjson")) kind.format = Format::json_lines;
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
