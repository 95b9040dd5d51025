#include "io/regular_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace io {
namespace {

constexpr std::size_t read_bytes = 1u << 20;

std::optional<std::string> read_to_end(int descriptor, std::size_t bytes_max) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return std::nullopt;
  if (!S_ISREG(status.st_mode)) {
    errno = EINVAL;
    return std::nullopt;
  }
  std::string text;
  while (text.size() < bytes_max) {
    const std::size_t before = text.size();
    const std::size_t wanted = std::min(read_bytes, bytes_max - before);
    text.resize(before + wanted);
    const ssize_t got = ::read(descriptor, text.data() + before, wanted);
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
  }
  return text;
}

}  // namespace

std::optional<std::string> read_regular_file(const std::string& path, std::size_t bytes_max) {
  // O_NONBLOCK: opening a FIFO would wait for its writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  std::optional<std::string> text = read_to_end(descriptor, bytes_max);
  const int error_number = errno;
  ::close(descriptor);
  errno = error_number;
  return text;
}

}  // namespace io
