#include "io/request_files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <asio/experimental/as_tuple.hpp>
#include <asio/system_error.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>
#include <cstdio>

#include "io/error.hpp"
#include "io/whole_reads.hpp"
#include "sched/suspension.hpp"

namespace io {
namespace {

// Outcomes come as values: an error that is retried, or that means something, costs no exception.
constexpr auto as_outcome = asio::experimental::as_tuple(asio::use_awaitable);

// Throws what a failed operation throws; never returns.
[[noreturn]] void fail(std::error_code error, const std::string& path, std::uint64_t offset_bytes, const char* action) {
  if (error == asio::error::operation_aborted) throw asio::system_error(error, action);
  const bool has_offset = offset_bytes != Files::append_position;
  throw FileError(path, has_offset ? offset_bytes : 0, error.value(), action);
}

FileStatus status_of(const struct statx& found) {
  FileStatus status;
  status.size_bytes = found.stx_size;
  status.device = (std::uint64_t{found.stx_dev_major} << 32) | found.stx_dev_minor;
  status.inode = found.stx_ino;
  status.mode = found.stx_mode;
  status.modified_ns = found.stx_mtime.tv_sec * 1'000'000'000 + found.stx_mtime.tv_nsec;
  return status;
}

}  // namespace

FileCounters RequestFiles::counters() const noexcept {
  FileCounters counters;
  counters.reads = reads_count_.load(std::memory_order_relaxed);
  counters.bytes_read = bytes_read_.load(std::memory_order_relaxed);
  counters.submissions = submissions_count();
  return counters;
}

int RequestFiles::buffer_index(unsigned block_index, std::span<const std::byte> memory) const noexcept {
  const bool registered = block_index < blocks_registered_count_ && pool_.holds(block_index, memory);
  return registered ? static_cast<int>(block_index) : FileRequest::not_registered;
}

void RequestFiles::count_reads(std::uint64_t reads, std::uint64_t bytes) noexcept {
  reads_count_.fetch_add(reads, std::memory_order_relaxed);
  bytes_read_.fetch_add(bytes, std::memory_order_relaxed);
}

sched::task<int> RequestFiles::perform(FileRequest request, const std::string& path, const char* action) {
  for (;;) {
    sched::at_suspension("operate on a file");
    const auto [error, result] = co_await async_perform(runner(), request, as_outcome);
    if (!error) co_return result;
    const bool is_transfer = request.call == FileCall::read || request.call == FileCall::write;
    if (error.value() == EAGAIN && is_transfer) {
      // A descriptor that does not block, such as a shared terminal: wait until it is ready.
      const FileRequest wait =
          FileRequest::wait_ready(request.descriptor, request.call == FileCall::read ? POLLIN : POLLOUT);
      sched::at_suspension("wait for a file");
      const auto [wait_error, events] = co_await async_perform(runner(), wait, as_outcome);
      if (wait_error && wait_error.value() != EINTR) fail(wait_error, path, request.offset_bytes, action);
    } else if (error.value() != EINTR && error.value() != EAGAIN) {
      fail(error, path, request.offset_bytes, action);
    }
  }
}

sched::task<OpenFile> RequestFiles::open(std::string path, int flags, unsigned mode) {
  const FileRequest request = FileRequest::open(path.c_str(), flags | O_CLOEXEC, mode);
  for (;;) {
    sched::at_suspension("open a file");
    auto [error, opened] = co_await async_open(runner(), request, as_outcome);
    if (!error) co_return OpenFile(opened.release(), std::move(path));
    if (error.value() != EINTR && error.value() != EAGAIN) fail(error, path, 0, "open");
  }
}

sched::task<FileStatus> RequestFiles::status(const OpenFile& file) {
  struct statx found {};
  const FileRequest request = FileRequest::status(file.descriptor(), &found);
  co_await perform(request, file.path(), "ask for the status");
  co_return status_of(found);
}

sched::task<std::size_t> RequestFiles::read(const OpenFile& file, std::uint64_t offset_bytes, Block block,
                                            std::size_t bytes_max) {
  const std::span<std::byte> memory = block.bytes.first(std::min(bytes_max, block.bytes.size()));
  FileRequest request = FileRequest::read(file.descriptor(), offset_bytes, memory);
  request.buffer_index = buffer_index(block.index, memory);
  const int result = co_await perform(request, file.path(), "read");
  const auto bytes_count = static_cast<std::size_t>(result);
  count_reads(1, bytes_count);
  co_return bytes_count;
}

sched::task<std::optional<std::size_t>> RequestFiles::read_cached(const OpenFile& file, std::uint64_t offset_bytes,
                                                                  Block block, std::size_t bytes_max) {
  const std::span<std::byte> memory = block.bytes.first(std::min(bytes_max, block.bytes.size()));
  FileRequest request = FileRequest::read_cached(file.descriptor(), offset_bytes, memory);
  request.buffer_index = buffer_index(block.index, memory);
  for (;;) {
    sched::at_suspension("read what is cached");
    const auto [error, result] = co_await async_perform(runner(), request, as_outcome);
    if (!error) {
      const auto bytes_count = static_cast<std::size_t>(result);
      count_reads(1, bytes_count);
      co_return bytes_count;
    }
    // An answer, not a failure: nothing is waited for here.
    if (error.value() == EAGAIN || error.value() == EOPNOTSUPP) co_return std::nullopt;
    if (error.value() != EINTR) fail(error, file.path(), offset_bytes, "read");
  }
}

sched::task<void> RequestFiles::read_whole(std::span<WholeRead> reads) {
  if (reads.empty()) co_return;
  WholeReads batch(reads, pool_, blocks_registered_count_);
  const FileRequest request = FileRequest::read_whole(batch);
  sched::at_suspension("read small files");
  const auto [error, result] = co_await async_perform(runner(), request, as_outcome);
  std::uint64_t reads_count = 0;
  std::uint64_t bytes_count = 0;
  for (const WholeRead& read : reads) {
    if (read.result < 0) continue;
    ++reads_count;
    bytes_count += static_cast<std::uint64_t>(read.result);
  }
  count_reads(reads_count, bytes_count);
  // Only ever a cancellation: what happens to a file is its own result.
  if (error) fail(error, "whole files", 0, "read");
}

sched::task<void> RequestFiles::write(const OpenFile& file, std::uint64_t offset_bytes,
                                      std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const FileRequest request = FileRequest::write(file.descriptor(), offset_bytes, bytes);
    const int written = co_await perform(request, file.path(), "write");
    // Nothing taken and no reason given: trying again could go on for ever.
    if (written == 0) throw FileError(file.path(), offset_bytes == append_position ? 0 : offset_bytes, EIO, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    if (offset_bytes != append_position) offset_bytes += static_cast<std::uint64_t>(written);
  }
}

sched::task<void> RequestFiles::sync(const OpenFile& file) {
  const FileRequest request = FileRequest::sync(file.descriptor());
  co_await perform(request, file.path(), "sync");
}

sched::task<void> RequestFiles::close(OpenFile file) {
  const std::string path = file.path();
  sched::at_suspension("close a file");
  const auto [error, result] = co_await async_close(runner(), std::move(file), as_outcome);
  // Interrupted or not, the descriptor is gone.
  if (error && error.value() != EINTR) fail(error, path, 0, "close");
}

sched::task<void> RequestFiles::make_directory(std::string path) {
  const FileRequest request = FileRequest::make_directory(path.c_str());
  co_await perform(request, path, "make the folder");
}

sched::task<void> RequestFiles::rename(std::string from, std::string to) {
  const std::string action = "rename to " + to;
  FileRequest request = FileRequest::rename(from.c_str(), to.c_str(), RENAME_NOREPLACE);
  sched::at_suspension("rename a file");
  const auto [error, renamed] = co_await async_perform(runner(), request, as_outcome);
  if (!error) co_return;
  const bool is_temporary = error.value() == EINTR || error.value() == EAGAIN;
  if (!is_temporary && error.value() != EINVAL) fail(error, from, 0, action.c_str());
  if (error.value() == EINVAL) {
    // This file system cannot refuse by itself (NFS, some FUSE): look first. Of two programs that rename at the same
    // time one may then replace the other's, which this is too weak to prevent.
    struct statx found {};
    const FileRequest look = FileRequest::status(to.c_str(), &found);
    sched::at_suspension("look at a file");
    const auto [look_error, looked] = co_await async_perform(runner(), look, as_outcome);
    if (!look_error) throw FileError(from, 0, EEXIST, action);
    if (look_error.value() != ENOENT) fail(look_error, from, 0, action.c_str());
    request.flags = 0;
  }
  co_await perform(request, from, action.c_str());
}

sched::task<void> RequestFiles::replace(std::string from, std::string to) {
  const std::string action = "rename to " + to;
  const FileRequest request = FileRequest::rename(from.c_str(), to.c_str(), 0);
  co_await perform(request, from, action.c_str());
}

sched::task<void> RequestFiles::remove_file(std::string path) {
  const FileRequest request = FileRequest::remove(path.c_str(), 0);
  co_await perform(request, path, "remove");
}

sched::task<void> RequestFiles::remove_directory(std::string path) {
  const FileRequest request = FileRequest::remove(path.c_str(), AT_REMOVEDIR);
  co_await perform(request, path, "remove the folder");
}

}  // namespace io
