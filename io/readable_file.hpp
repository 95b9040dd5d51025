#pragma once

// A file read by blocking calls: for what is looked at before a run begins.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace io {

class ReadableFile {
 public:
  /// Throws FileError where it cannot be opened.
  explicit ReadableFile(const std::string& path);
  ReadableFile(const ReadableFile&) = delete;
  ReadableFile& operator=(const ReadableFile&) = delete;
  ~ReadableFile();

  const std::string& path() const noexcept { return path_; }
  /// When it was opened.
  std::uint64_t size_bytes() const noexcept { return size_bytes_; }
  /// Fills `to` with what begins at `offset_bytes`; returns how much there is before the file ends. Throws FileError.
  std::size_t read(std::uint64_t offset_bytes, std::span<std::byte> to) const;
  /// At most `bytes_max` of what begins at `offset_bytes`. Throws FileError.
  std::vector<std::byte> read(std::uint64_t offset_bytes, std::size_t bytes_max) const;

 private:
  std::string path_;
  int descriptor_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace io
