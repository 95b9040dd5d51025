#pragma once

// The memory that files are read into: one mapping cut into equal blocks, page-aligned because a hot read into memory
// that starts 16 bytes into a page runs at a quarter of the speed. Owned by a Files; it must outlive every operation.

#include <cstddef>
#include <span>

#include "io/files.hpp"

namespace io {

class BlockPool {
 public:
  /// Reserves `blocks_count` blocks of `block_bytes`, rounded up to whole pages. No page is touched, so none is
  /// resident until a block is used or registered.
  ///   Fails with FileError where the system has no address space left.
  BlockPool(unsigned blocks_count, std::size_t block_bytes);
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  unsigned blocks_count() const noexcept { return blocks_count_; }
  std::size_t block_bytes() const noexcept { return block_bytes_; }
  /// Requires index < blocks_count().
  Block block(unsigned index) const noexcept;
  /// Whether `bytes` lies within block `index`: memory that a caller passes off as a block may be its own.
  bool holds(unsigned index, std::span<const std::byte> bytes) const noexcept;

 private:
  unsigned blocks_count_;
  std::size_t block_bytes_;
  std::byte* memory_ = nullptr;
};

}  // namespace io
