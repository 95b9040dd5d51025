#include "io/readable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "io/error.hpp"

namespace io {

ReadableFile::ReadableFile(const std::string& path)
    : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) throw FileError(path, 0, errno, "open");
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) {
    const int error = errno;
    ::close(descriptor_);
    throw FileError(path, 0, error, "ask for the status");
  }
  size_bytes_ = static_cast<std::uint64_t>(status.st_size);
}

ReadableFile::~ReadableFile() {
  ::close(descriptor_);
}

std::size_t ReadableFile::read(std::uint64_t offset_bytes, std::span<std::byte> to) const {
  std::size_t done = 0;
  while (done < to.size()) {
    const ssize_t got =
        ::pread(descriptor_, to.data() + done, to.size() - done, static_cast<off_t>(offset_bytes + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw FileError(path_, offset_bytes + done, errno, "read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

std::vector<std::byte> ReadableFile::read(std::uint64_t offset_bytes, std::size_t bytes_max) const {
  const std::uint64_t left = size_bytes_ - std::min(size_bytes_, offset_bytes);
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes_max)));
  bytes.resize(read(offset_bytes, bytes));
  return bytes;
}

}  // namespace io
