// OpenFile: who owns a descriptor.

#include <unistd.h>

#include <utility>

#include "io/files.hpp"

namespace io {

OpenFile::OpenFile(int descriptor, std::string path) noexcept : descriptor_(descriptor), path_(std::move(path)) {}

OpenFile::OpenFile(OpenFile&& other) noexcept : descriptor_(other.release()), path_(std::move(other.path_)) {}

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
  if (this == &other) return *this;
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = other.release();
  path_ = std::move(other.path_);
  return *this;
}

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int OpenFile::release() noexcept {
  return std::exchange(descriptor_, -1);
}

}  // namespace io
