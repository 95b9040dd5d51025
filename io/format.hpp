#pragma once

// What a file of a corpus is: which form its documents have, and how its bytes are compressed. Told by its name alone;
// whoever reads the file finds out whether that is true.

#include <cstdint>
#include <string>
#include <string_view>

namespace io {

enum class Format : std::uint8_t {
  text,        ///< the file is one document
  json_lines,  ///< a document on each line
  tokens,      ///< token ids, one document after the other
};

enum class Compression : std::uint8_t { none, gzip, zstd };

struct FileKind {
  Format format = Format::text;
  Compression compression = Compression::none;

  bool operator==(const FileKind&) const = default;
};

/// What the name of a file promises: `.jsonl` and `.ndjson` are lines of JSON, `.bin` is tokens, everything else is
/// text; with `.gz` or `.zst` behind that it is compressed. Letters of either case.
FileKind kind_of_name(std::string_view name);

/// For people and summaries: "text", "jsonl.gz", "tokens".
std::string kind_name(Format format, Compression compression);

/// Whether `name` ends in `ending`, in letters of either case. Requires an ending of small letters.
bool has_ending(std::string_view name, std::string_view ending) noexcept;

}  // namespace io
