#pragma once

// A span of files that are read whole as one operation, on its way: which files are to be begun, how many have not
// ended. Lives in the frame of RequestFiles::read_whole; the runner that carries the operation out (the ring's thread,
// or the call threads under their lock) alone uses it meanwhile.

#include <cstddef>
#include <span>

#include "io/block_pool.hpp"
#include "io/file_request.hpp"
#include "io/files.hpp"

namespace io {

class WholeReads {
 public:
  /// The blocks of `pool` below `blocks_registered_count` are registered buffers. Requires files.
  WholeReads(std::span<WholeRead> reads, const BlockPool& pool, unsigned blocks_registered_count) noexcept;
  WholeReads(const WholeReads&) = delete;
  WholeReads& operator=(const WholeReads&) = delete;

  /// The next files to read, at most `count_max`. The runner sets their results and says end().
  std::span<WholeRead> begin(std::size_t count_max) noexcept;
  void end(std::size_t count) noexcept { under_way_count_ -= count; }
  /// Begins no more: the operation was cancelled.
  void drop_rest() noexcept;

  bool all_begun() const noexcept { return next_ == reads_.size(); }
  bool all_ended() const noexcept { return all_begun() && under_way_count_ == 0; }
  bool cancelled() const noexcept { return cancelled_; }
  /// What the operation is settled with when all have ended.
  int result() const noexcept;

  static bool is_open(const WholeRead& read) noexcept { return read.descriptor >= 0; }
  static FileRequest open_request(const WholeRead& read) noexcept;
  FileRequest read_request(const WholeRead& read, int descriptor) const noexcept;

 private:
  std::span<WholeRead> reads_;
  const BlockPool& pool_;
  unsigned blocks_registered_count_;
  std::size_t next_ = 0;
  std::size_t under_way_count_ = 0;
  bool cancelled_ = false;
};

/// Of the request of a read_whole.
inline WholeReads& whole_reads_of(const FileRequest& request) noexcept {
  return *static_cast<WholeReads*>(request.memory);
}

/// Opens, reads and closes by blocking calls.
void read_whole_and_wait(WholeRead& read) noexcept;

}  // namespace io
