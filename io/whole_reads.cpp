#include "io/whole_reads.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace io {
namespace {

// A pipe that took a file's place must not wait for a writer, nor a terminal become ours.
constexpr int open_flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;

template <class Call>
int without_interruption(const Call& call) noexcept {
  for (;;) {
    const long returned = call();
    if (returned >= 0) return static_cast<int>(returned);
    if (errno != EINTR) return -errno;
  }
}

}  // namespace

WholeReads::WholeReads(std::span<WholeRead> reads, const BlockPool& pool, unsigned blocks_registered_count) noexcept
    : reads_(reads), pool_(pool), blocks_registered_count_(blocks_registered_count) {
  assert(!reads.empty());
  for (WholeRead& read : reads) read.result = -ECANCELED;
}

std::span<WholeRead> WholeReads::begin(std::size_t count_max) noexcept {
  const std::size_t count = std::min(count_max, reads_.size() - next_);
  const std::span<WholeRead> begun = reads_.subspan(next_, count);
  next_ += count;
  under_way_count_ += count;
  return begun;
}

void WholeReads::drop_rest() noexcept {
  next_ = reads_.size();
  cancelled_ = true;
}

int WholeReads::result() const noexcept {
  return cancelled_ ? -ECANCELED : 0;
}

FileRequest WholeReads::open_request(const WholeRead& read) noexcept {
  return FileRequest::open(read.path, open_flags, 0);
}

FileRequest WholeReads::read_request(const WholeRead& read, int descriptor) const noexcept {
  FileRequest request = FileRequest::read(descriptor, read.offset_bytes, read.memory);
  if (read.block_index < blocks_registered_count_ && pool_.holds(read.block_index, read.memory))
    request.buffer_index = static_cast<int>(read.block_index);
  return request;
}

void read_whole_and_wait(WholeRead& read) noexcept {
  const FileRequest request = FileRequest::read(-1, 0, read.memory);
  const bool is_open = WholeReads::is_open(read);
  const int descriptor =
      is_open ? read.descriptor : without_interruption([&] { return ::open(read.path, open_flags | O_CLOEXEC); });
  if (descriptor < 0) {
    read.result = descriptor;
    return;
  }
  const auto offset = static_cast<off_t>(read.offset_bytes);
  read.result = without_interruption([&] { return ::pread(descriptor, request.memory, request.bytes_count, offset); });
  if (!is_open) ::close(descriptor);
}

}  // namespace io
