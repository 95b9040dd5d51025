#pragma once

// From one line of JSONL, held whole, to the text of a document. What a record has to be, and why a line is refused, is
// said in io/json_stream.hpp; this is the same decision and the same text, faster for lines of usual length.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "io/json_stream.hpp"

namespace simdjson::dom {
class parser;
}

namespace io {

/// Reads records one after the other; one reader per thread. Holds 4 MB at most, and the longest text of a line above
/// `simdjson_bytes_max`.
class JsonRecordReader {
 public:
  explicit JsonRecordReader(TextKey key);
  ~JsonRecordReader();
  JsonRecordReader(JsonRecordReader&&) noexcept;
  JsonRecordReader& operator=(JsonRecordReader&&) noexcept;

  /// Bytes that must be readable behind a line, whatever their values.
  static constexpr std::size_t padding_bytes = 64;

  /// simdjson takes 14 bytes of its own for each of the longest line: longer ones go through JsonStream.
  static constexpr std::size_t simdjson_bytes_max = 256 * 1024;

  struct Record {
    /// Valid UTF-8, until the next read; empty where the record is damage.
    std::string_view text;
    /// nullptr, or why this is not a document: one of `json_damage`.
    const char* damage = nullptr;
    /// As JsonStream has it.
    std::uint64_t damage_offset_bytes = 0;
  };

  /// `line` has no newline; a '\r' at its end is white space.
  Record read(std::string_view line);

 private:
  bool read_fast(std::string_view line, std::string_view& text);

  TextKey key_;
  std::unique_ptr<simdjson::dom::parser> parser_;
  JsonStream stream_;
  std::string text_;
};

/// The beginning of a file without the byte order mark of UTF-8, where it has one.
std::string_view without_byte_order_mark(std::string_view file_begin) noexcept;

}  // namespace io
