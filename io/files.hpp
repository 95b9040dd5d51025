#pragma once

// Files as awaitable operations: the one interface between the pipeline and the disk. Behind it stands either the
// io_uring ring (io/ring_files.hpp) or threads that make blocking calls (io/thread_files.hpp). Operations may be
// awaited from a coroutine on any executor; the coroutine goes on where it was.

#include <asio/any_io_executor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sched/task.hpp"

namespace io {

/// An open file. Moves; whoever holds it awaits Files::close. The destructor closes by a plain call what was not closed
/// (only on the way out of a failure).
class OpenFile {
 public:
  OpenFile() noexcept = default;
  OpenFile(int descriptor, std::string path) noexcept;
  OpenFile(OpenFile&& other) noexcept;
  OpenFile& operator=(OpenFile&& other) noexcept;
  ~OpenFile();

  int descriptor() const noexcept { return descriptor_; }
  const std::string& path() const noexcept { return path_; }
  /// Gives up ownership of the descriptor.
  int release() noexcept;

 private:
  int descriptor_ = -1;
  std::string path_;
};

struct FileStatus {
  std::uint64_t size_bytes = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;
  std::int64_t modified_ns = 0;
};

/// One page-aligned buffer of the pool, registered with the ring where there is one.
struct Block {
  std::span<std::byte> bytes;
  unsigned index = 0;
};

/// A file to be read whole in one go, or a part of an open one, and what came of it.
struct WholeRead {
  const char* path = nullptr;      ///< borrowed until the operation has completed; of a file to open and close
  int descriptor = -1;             ///< in place of `path`: of a file that is open and stays so
  std::uint64_t offset_bytes = 0;  ///< where reading begins
  std::span<std::byte> memory;     ///< within block `block_index`; elsewhere it is right too, only slower
  unsigned block_index = 0;
  int result =
      0;  ///< bytes read: `memory.size()` where the file is as long or longer; or -errno of the open or the read
};

/// What a Files counted since it was made.
struct FileCounters {
  std::uint64_t reads = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t submissions = 0;  ///< io_uring_enter calls that submitted something; 0 on threads
};

class Files {
 public:
  virtual ~Files() = default;

  /// The executor of the thread that runs `run()`. Loading and tokenizing live here.
  virtual asio::any_io_executor executor() noexcept = 0;
  /// Runs handlers and completions on the calling thread until `stop()` is called.
  virtual void run() = 0;
  /// Makes `run()` return soon: the current one, or else the next. From any thread.
  virtual void stop() noexcept = 0;
  /// "io_uring" or "threads"; with threads also why, in a few words.
  virtual std::string description() const = 0;
  virtual FileCounters counters() const noexcept = 0;

  /// Buffers for reading: `blocks_count()` of `block_bytes()` each, page-aligned; who uses which is the caller's
  /// affair.
  virtual unsigned blocks_count() const noexcept = 0;
  virtual std::size_t block_bytes() const noexcept = 0;
  virtual Block block(unsigned index) noexcept = 0;

  // Every operation throws FileError, or asio::system_error(operation_aborted) when it was cancelled; memory given to
  // an operation is the operation's until it has completed, even after cancellation.

  /// `flags` and `mode` as of openat(2); O_CLOEXEC is added.
  virtual sched::task<OpenFile> open(std::string path, int flags, unsigned mode) = 0;
  virtual sched::task<FileStatus> status(const OpenFile& file) = 0;
  /// Reads once at `offset_bytes` into `block`, up to `bytes_max`; may be short, 0 at the end of the file.
  virtual sched::task<std::size_t> read(const OpenFile& file, std::uint64_t offset_bytes, Block block,
                                        std::size_t bytes_max) = 0;
  /// As read, but only from memory: std::nullopt where the disk would have to be waited for (the system then begins to
  /// read ahead by itself) or where that cannot be known, as on tmpfs. What is partly in memory gives that part.
  ///   Requires a file opened without O_DIRECT.
  virtual sched::task<std::optional<std::size_t>> read_cached(const OpenFile& file, std::uint64_t offset_bytes,
                                                              Block block, std::size_t bytes_max) = 0;
  /// Opens, reads once and closes every file of `reads`, or reads of those that are open, as many in flight as the
  /// kernel can use.
  /// Results stand in `reads`; a file that cannot be opened or read fails by its own result only. What took a file's
  /// place (a pipe, a terminal) holds nothing up: it gives what it has or nothing, or fails with -ESPIPE.
  ///   Throws only when cancelled; what had not begun then has the result -ECANCELED.
  virtual sched::task<void> read_whole(std::span<WholeRead> reads) = 0;
  /// Writes all of `bytes` at `offset_bytes`. With `append_position` the file's own position is used (terminals, pipes,
  /// files opened with O_APPEND).
  virtual sched::task<void> write(const OpenFile& file, std::uint64_t offset_bytes,
                                  std::span<const std::byte> bytes) = 0;
  static constexpr std::uint64_t append_position = ~std::uint64_t{0};
  virtual sched::task<void> sync(const OpenFile& file) = 0;
  virtual sched::task<void> close(OpenFile file) = 0;
  virtual sched::task<void> make_directory(std::string path) = 0;
  /// Renames; replaces nothing: fails where `to` exists.
  virtual sched::task<void> rename(std::string from, std::string to) = 0;
  /// Renames; `to` is what it was or what `from` was, at every instant.
  virtual sched::task<void> replace(std::string from, std::string to) = 0;
  virtual sched::task<void> remove_file(std::string path) = 0;
  virtual sched::task<void> remove_directory(std::string path) = 0;
};

enum class FilesKind { automatic, ring, threads };

struct FilesOptions {
  FilesKind kind = FilesKind::automatic;
  unsigned blocks_count = 32;
  std::size_t block_bytes = 256 * 1024;
};

/// Makes the Files asked for; `automatic` takes the ring where the kernel allows it and threads otherwise. Must be
/// called on the thread that will call `run()`; destroyed there too, or after that thread has ended. Throws FileError
/// where `ring` was asked for and is refused.
std::unique_ptr<Files> make_files(const FilesOptions& options);

}  // namespace io
