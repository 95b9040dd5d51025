#pragma once

// One system call on a file as a value: what the ring turns into a submission entry and the threads into a blocking
// call, so that both kinds of Files mean the same. A request owns nothing: paths and memory belong to whoever made it
// and stay untouched by them until the operation has completed.

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace io {

class WholeReads;

enum class FileCall : std::uint8_t {
  open,
  status,
  read,
  read_whole,
  write,
  sync,
  close,
  rename,
  make_directory,
  remove,
  wait_ready,
};

struct FileRequest {
  /// Marks a read into memory that is not a registered buffer.
  static constexpr int not_registered = -1;

  FileCall call = FileCall::sync;
  /// False for calls that must not be torn in half: a close that was asked for happens.
  bool cancellable = true;
  int descriptor = -1;
  int flags = 0;  ///< openat, statx, preadv2, renameat2 and unlinkat flags, or poll events
  unsigned mode = 0;
  int buffer_index = not_registered;
  std::uint32_t bytes_count = 0;
  std::uint64_t offset_bytes = 0;  ///< all ones: the file's own position
  void* memory = nullptr;          ///< read into, written from, the statx to fill, or WholeReads
  const char* path = nullptr;
  const char* target = nullptr;  ///< where rename goes

  static FileRequest open(const char* path, int flags, unsigned mode) noexcept;
  static FileRequest status(int descriptor, struct statx* status) noexcept;
  static FileRequest status(const char* path, struct statx* status) noexcept;
  /// A read or a write of more than 1 GiB does that much and is short.
  static FileRequest read(int descriptor, std::uint64_t offset_bytes, std::span<std::byte> memory) noexcept;
  /// As read, but only what is in memory already: EAGAIN or EOPNOTSUPP otherwise.
  static FileRequest read_cached(int descriptor, std::uint64_t offset_bytes, std::span<std::byte> memory) noexcept;
  /// Many calls in one: only runners that take it apart carry it out (io/whole_reads.hpp).
  static FileRequest read_whole(WholeReads& reads) noexcept;
  static FileRequest write(int descriptor, std::uint64_t offset_bytes, std::span<const std::byte> memory) noexcept;
  static FileRequest sync(int descriptor) noexcept;
  static FileRequest close(int descriptor) noexcept;
  static FileRequest rename(const char* path, const char* target, unsigned flags) noexcept;
  static FileRequest make_directory(const char* path) noexcept;
  static FileRequest remove(const char* path, int flags) noexcept;
  /// Completes when the descriptor can be read from (POLLIN) or written to (POLLOUT).
  static FileRequest wait_ready(int descriptor, int events) noexcept;
};

/// Whether it is a pipe, a terminal or the like, which may keep a reader waiting. Asks the descriptor only, not a disk.
bool is_stream(int descriptor) noexcept;

/// Makes the call on this thread and waits for it.
///   `interrupt_descriptor` ends the waiting for a pipe or terminal when it becomes readable; files on disk ignore it.
///   Returns what the call returns, or a negated errno; -ECANCELED where it was interrupted before anything happened.
int call_and_wait(const FileRequest& request, int interrupt_descriptor) noexcept;

}  // namespace io
