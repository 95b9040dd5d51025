#pragma once

// Where the documents of a file of lines begin and end, at the speed of a search for newlines. Pure; fed with the bytes
// of a file in order, in pieces of any size.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace io {

/// Finds the lines that are documents: all but those that hold nothing but spaces, tabs and carriage returns. A byte
/// order mark of UTF-8 at the beginning of the file is part of its first line, and by itself is nothing. The last line
/// needs no newline. One finder per file.
class LineFinder {
 public:
  /// Offsets in the file. Without the newline; white space at either end is part of the line.
  struct Line {
    std::uint64_t begin_bytes = 0;
    std::uint64_t end_bytes = 0;

    bool operator==(const Line&) const = default;
  };

  /// Appends the lines that end within `bytes` to `lines`.
  void feed(std::span<const std::byte> bytes, std::vector<Line>& lines);
  /// The file has ended: appends its last line, where that has no newline.
  void finish(std::vector<Line>& lines);

  /// How many bytes were fed.
  std::uint64_t offset_bytes() const noexcept { return offset_bytes_; }

 private:
  std::size_t pass_mark(std::span<const std::byte> bytes) noexcept;
  void end_line(std::uint64_t end_bytes, std::vector<Line>& lines);

  std::uint64_t begin_bytes_ = 0;  // of the line under way
  std::uint64_t offset_bytes_ = 0;
  std::size_t mark_bytes_ = 0;  // of the byte order mark, so far
  bool has_content_ = false;    // the line under way is a document
};

}  // namespace io
