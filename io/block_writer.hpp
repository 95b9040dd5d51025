#pragma once

// Writes a file from front to back in large blocks, one on its way to the disk while the next is being filled, and goes
// back to a mark where the latest turns out to be unwanted. What TokenShardWriter writes its files with. Lives on the
// executor of whoever awaits it; may die at any time: a write still under way keeps its memory and its file.

#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "io/files.hpp"
#include "sched/task.hpp"

namespace io {

class BlockWriter {
 public:
  /// Two blocks of `block_bytes`, a multiple of 8, are allocated here.
  BlockWriter(Files& files, std::size_t block_bytes);
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;
  ~BlockWriter();

  /// Begins with a new file, which must not exist. The first `front_bytes` are left free for what `finish` puts there.
  ///   Every operation throws FileError; then only `abandon` is left.
  sched::task<void> open(std::string path, std::size_t front_bytes);
  bool is_open() const noexcept { return open_; }

  /// Where to write what comes next; `fill` says how much of it was written. Full when it is empty: await `flush`.
  std::span<std::byte> room() noexcept;
  void fill(std::size_t bytes) noexcept;
  /// Requires that `room` is empty.
  sched::task<void> flush();

  /// What was written so far stays.
  void mark() noexcept;
  /// Takes back what was written since `mark`.
  sched::task<void> go_back();

  /// Writes the rest and `front`, syncs and closes. Requires that nothing stands behind the mark.
  sched::task<void> finish(std::span<const std::byte> front);
  /// xxHash3-64 of everything up to the mark, without the front.
  std::uint64_t checksum() noexcept;
  /// Awaits the write under way and closes the file as it is; removing it is the caller's affair. Does not fail.
  sched::task<void> abandon();

 private:
  struct Shared;
  struct Wait;
  struct FreeHash {
    void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
  };
  using Hash = std::unique_ptr<XXH3_state_t, FreeHash>;

  static sched::task<void> write_block(Files& files, std::shared_ptr<Shared> shared, std::uint64_t offset_bytes,
                                       std::span<const std::byte> bytes);
  sched::task<void> start_write();
  sched::task<void> await_write();
  sched::task<void> shorten();
  std::span<const std::byte> filled(std::uint64_t from, std::uint64_t to) const noexcept;
  void hash_to_mark() noexcept;

  Files& files_;
  std::size_t block_bytes_;
  std::shared_ptr<Shared> shared_;
  std::string path_;
  bool open_ = false;
  std::size_t front_bytes_ = 0;
  unsigned filling_ = 0;           // which of the two blocks
  std::uint64_t block_begin_ = 0;  // of the block being filled, in the file
  std::size_t filled_bytes_ = 0;   // of it
  std::uint64_t mark_ = 0;         // in the file
  std::uint64_t written_end_ = 0;  // of the file on disk
  std::uint64_t hashed_end_ = 0;   // what `hash_` stands for
  Hash hash_;                      // at most up to the mark
  bool runs_over_ = false;         // what follows the mark began in a block that is written already
  Hash over_hash_;                 // then: from the mark on, up to the block being filled
};

}  // namespace io
