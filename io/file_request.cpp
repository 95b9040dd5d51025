#include "io/file_request.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace io {
namespace {

// One call moves at most this much: the ring counts in 32 bits, and Linux stops 4 KiB short of 2 GiB anyway.
constexpr std::size_t bytes_per_call_max = std::size_t{1} << 30;

// Linux takes this much into a pipe that polls as writable without waiting for the other end.
constexpr std::uint32_t stream_write_bytes_max = 4096;

constexpr std::uint64_t own_position = ~std::uint64_t{0};

int result_of(long returned) noexcept {
  return returned < 0 ? -errno : static_cast<int>(returned);
}

// Waits until the descriptor is ready, which a file on disk always is. Errors are left to the call that follows.
int wait_until_ready(int descriptor, int events, int interrupt_descriptor) noexcept {
  std::array<pollfd, 2> polled = {{{descriptor, static_cast<short>(events), 0}, {interrupt_descriptor, POLLIN, 0}}};
  while (::poll(polled.data(), polled.size(), -1) < 0) {
    if (errno != EINTR) return -errno;
  }
  return polled[0].revents == 0 ? -ECANCELED : polled[0].revents;
}

int read_cached_once(const FileRequest& request) noexcept {
  if (is_stream(request.descriptor)) return -EOPNOTSUPP;
  const iovec memory = {request.memory, request.bytes_count};
  return result_of(::preadv2(request.descriptor, &memory, 1, static_cast<off_t>(request.offset_bytes), request.flags));
}

int read_once(const FileRequest& request) noexcept {
  if (request.offset_bytes == own_position || is_stream(request.descriptor))
    return result_of(::read(request.descriptor, request.memory, request.bytes_count));
  return result_of(
      ::pread(request.descriptor, request.memory, request.bytes_count, static_cast<off_t>(request.offset_bytes)));
}

int write_once(const FileRequest& request) noexcept {
  if (is_stream(request.descriptor)) {
    const std::uint32_t bytes_count = std::min(request.bytes_count, stream_write_bytes_max);
    return result_of(::write(request.descriptor, request.memory, bytes_count));
  }
  if (request.offset_bytes == own_position)
    return result_of(::write(request.descriptor, request.memory, request.bytes_count));
  return result_of(
      ::pwrite(request.descriptor, request.memory, request.bytes_count, static_cast<off_t>(request.offset_bytes)));
}

}  // namespace

bool is_stream(int descriptor) noexcept {
  return ::lseek(descriptor, 0, SEEK_CUR) < 0 && errno == ESPIPE;
}

FileRequest FileRequest::open(const char* path, int flags, unsigned mode) noexcept {
  FileRequest request;
  request.call = FileCall::open;
  request.path = path;
  request.flags = flags;
  request.mode = mode;
  return request;
}

FileRequest FileRequest::status(int descriptor, struct statx* status) noexcept {
  FileRequest request;
  request.call = FileCall::status;
  request.descriptor = descriptor;
  request.path = "";
  request.flags = AT_EMPTY_PATH;
  request.memory = status;
  return request;
}

FileRequest FileRequest::status(const char* path, struct statx* status) noexcept {
  FileRequest request;
  request.call = FileCall::status;
  request.descriptor = AT_FDCWD;
  request.path = path;
  request.flags = AT_SYMLINK_NOFOLLOW;
  request.memory = status;
  return request;
}

FileRequest FileRequest::read(int descriptor, std::uint64_t offset_bytes, std::span<std::byte> memory) noexcept {
  FileRequest request;
  request.call = FileCall::read;
  request.descriptor = descriptor;
  request.offset_bytes = offset_bytes;
  request.memory = memory.data();
  request.bytes_count = static_cast<std::uint32_t>(std::min(memory.size(), bytes_per_call_max));
  return request;
}

FileRequest FileRequest::read_cached(int descriptor, std::uint64_t offset_bytes, std::span<std::byte> memory) noexcept {
  FileRequest request = read(descriptor, offset_bytes, memory);
  request.flags = RWF_NOWAIT;
  return request;
}

FileRequest FileRequest::read_whole(WholeReads& reads) noexcept {
  FileRequest request;
  request.call = FileCall::read_whole;
  request.memory = &reads;
  return request;
}

FileRequest FileRequest::write(int descriptor, std::uint64_t offset_bytes, std::span<const std::byte> memory) noexcept {
  FileRequest request;
  request.call = FileCall::write;
  request.descriptor = descriptor;
  request.offset_bytes = offset_bytes;
  request.memory = const_cast<std::byte*>(memory.data());  // Only read from; one field serves both directions.
  request.bytes_count = static_cast<std::uint32_t>(std::min(memory.size(), bytes_per_call_max));
  return request;
}

FileRequest FileRequest::sync(int descriptor) noexcept {
  FileRequest request;
  request.call = FileCall::sync;
  request.descriptor = descriptor;
  return request;
}

FileRequest FileRequest::close(int descriptor) noexcept {
  FileRequest request;
  request.call = FileCall::close;
  request.cancellable = false;
  request.descriptor = descriptor;
  return request;
}

FileRequest FileRequest::rename(const char* path, const char* target, unsigned flags) noexcept {
  FileRequest request;
  request.call = FileCall::rename;
  request.path = path;
  request.target = target;
  request.flags = static_cast<int>(flags);
  return request;
}

FileRequest FileRequest::make_directory(const char* path) noexcept {
  FileRequest request;
  request.call = FileCall::make_directory;
  request.path = path;
  request.mode = 0777;
  return request;
}

FileRequest FileRequest::remove(const char* path, int flags) noexcept {
  FileRequest request;
  request.call = FileCall::remove;
  request.path = path;
  request.flags = flags;
  return request;
}

FileRequest FileRequest::wait_ready(int descriptor, int events) noexcept {
  FileRequest request;
  request.call = FileCall::wait_ready;
  request.descriptor = descriptor;
  request.flags = events;
  return request;
}

int call_and_wait(const FileRequest& request, int interrupt_descriptor) noexcept {
  switch (request.call) {
    case FileCall::open:
      return result_of(::openat(AT_FDCWD, request.path, request.flags, request.mode));
    case FileCall::status:
      return result_of(::statx(request.descriptor, request.path, request.flags, STATX_BASIC_STATS,
                               static_cast<struct statx*>(request.memory)));
    case FileCall::read: {
      if (request.flags != 0) return read_cached_once(request);
      const int ready = wait_until_ready(request.descriptor, POLLIN, interrupt_descriptor);
      return ready < 0 ? ready : read_once(request);
    }
    case FileCall::read_whole:
      break;  // Not one call.
    case FileCall::write: {
      const int ready = wait_until_ready(request.descriptor, POLLOUT, interrupt_descriptor);
      return ready < 0 ? ready : write_once(request);
    }
    case FileCall::sync:
      return result_of(::fsync(request.descriptor));
    case FileCall::close:
      return result_of(::close(request.descriptor));
    case FileCall::rename:
      return result_of(
          ::renameat2(AT_FDCWD, request.path, AT_FDCWD, request.target, static_cast<unsigned>(request.flags)));
    case FileCall::make_directory:
      return result_of(::mkdirat(AT_FDCWD, request.path, request.mode));
    case FileCall::remove:
      return result_of(::unlinkat(AT_FDCWD, request.path, request.flags));
    case FileCall::wait_ready:
      return wait_until_ready(request.descriptor, request.flags, interrupt_descriptor);
  }
  return -EINVAL;
}

}  // namespace io
