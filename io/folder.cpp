#include "io/folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace io {

EntryKind kind_of_mode(mode_t mode) noexcept {
  if (S_ISREG(mode)) return EntryKind::file;
  if (S_ISDIR(mode)) return EntryKind::folder;
  return S_ISLNK(mode) ? EntryKind::link : EntryKind::special;
}

Folder::Folder(const std::string& path) noexcept {
  // O_DIRECTORY refuses what was put in the folder's place since it was seen, before a FIFO could make us wait.
  const int descriptor = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor >= 0) handle_ = ::fdopendir(descriptor);
  if (handle_ != nullptr) return;
  error_number_ = errno;
  if (descriptor >= 0) ::close(descriptor);
}

Folder::~Folder() {
  if (handle_ != nullptr) ::closedir(handle_);
}

const dirent* Folder::next() noexcept {
  if (handle_ == nullptr) return nullptr;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(handle_);
    if (entry == nullptr) {
      error_number_ = errno;
      return nullptr;
    }
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) return entry;
  }
}

EntryKind Folder::kind_of(const dirent& entry) const noexcept {
  switch (entry.d_type) {
    case DT_REG:
      return EntryKind::file;
    case DT_DIR:
      return EntryKind::folder;
    case DT_LNK:
      return EntryKind::link;
    case DT_UNKNOWN: {
      struct stat status {};
      return look_at(entry.d_name, false, status) ? kind_of_mode(status.st_mode) : EntryKind::unknown;
    }
    default:
      return EntryKind::special;
  }
}

bool Folder::look_at(const char* name, bool follow, struct stat& status) const noexcept {
  return ::fstatat(::dirfd(handle_), name, &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace io
