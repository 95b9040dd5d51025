#pragma once

// What a file of a corpus is: which form its documents have, and how its bytes are compressed. Told by its name, and
// confirmed by its content when it is read.

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
};

/// What the name of a file promises: `.jsonl`, `.ndjson`, `.bin`, and `.gz` or `.zst` behind what is not tokens; in
/// capitals, too. Everything else is text.
FileKind kind_of_name(std::string_view name);

/// For people and summaries: "text", "jsonl.gz", "tokens".
std::string kind_name(Format format, Compression compression);

}  // namespace io
