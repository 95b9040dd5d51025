#pragma once

// How this folder says that the world failed: one line that a user can act on.

#include <cstdint>
#include <stdexcept>
#include <string>

namespace io {

/// A file operation failed. The text is one line: path, what was tried, the system's reason, what to do where known.
class FileError : public std::runtime_error {
 public:
  FileError(std::string path, std::uint64_t offset_bytes, int error_number, const std::string& action);

  const std::string& path() const noexcept { return path_; }
  std::uint64_t offset_bytes() const noexcept { return offset_bytes_; }
  int error_number() const noexcept { return error_number_; }

 private:
  std::string path_;
  std::uint64_t offset_bytes_;
  int error_number_;
};

/// A tokenizer cannot be loaded or an id does not belong to it.
class TokenizerError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace io
