#pragma once

// A folder being read by blocking calls: its entries one after the other, in the order of the file system. Nothing in
// it is opened, so nothing in it can make anyone wait.

#include <dirent.h>
#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace io {

enum class EntryKind : std::uint8_t {
  file,
  folder,
  link,
  special,  ///< a FIFO, a socket, a device
  unknown,  ///< it cannot be looked at; errno says why
};

EntryKind kind_of_mode(mode_t mode) noexcept;

class Folder {
 public:
  /// An empty path is the working directory.
  explicit Folder(const std::string& path) noexcept;
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder();

  /// Why it could not be opened or read to its end, or 0.
  int error_number() const noexcept { return error_number_; }
  /// The next entry but "." and ".."; nullptr at the end, or where `error_number` is set. Good until the next call.
  const dirent* next() noexcept;
  /// Without a system call where the file system says it with the name.
  EntryKind kind_of(const dirent& entry) const noexcept;
  /// As lstat(2), or as stat(2) with `follow`; false with errno set.
  bool look_at(const char* name, bool follow, struct stat& status) const noexcept;

 private:
  DIR* handle_ = nullptr;
  int error_number_ = 0;
};

}  // namespace io
