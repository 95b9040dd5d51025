#include "io/block_pool.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <functional>

#include "io/error.hpp"

namespace io {
namespace {

std::size_t whole_pages(std::size_t bytes) {
  const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

}  // namespace

BlockPool::BlockPool(unsigned blocks_count, std::size_t block_bytes)
    : blocks_count_(blocks_count), block_bytes_(whole_pages(block_bytes)) {
  const std::size_t bytes = blocks_count_ * block_bytes_;
  if (bytes == 0) return;
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    const std::string action = "reserve " + std::to_string(bytes) + " bytes for reading";
    throw FileError("read buffers", 0, errno, action);
  }
  memory_ = static_cast<std::byte*>(memory);
  // Must come before the first touch. A refusal (no huge pages here) costs speed only.
  ::madvise(memory, bytes, MADV_HUGEPAGE);
}

BlockPool::~BlockPool() {
  if (memory_ != nullptr) ::munmap(memory_, blocks_count_ * block_bytes_);
}

Block BlockPool::block(unsigned index) const noexcept {
  assert(index < blocks_count_);
  return {{memory_ + index * block_bytes_, block_bytes_}, index};
}

bool BlockPool::holds(unsigned index, std::span<const std::byte> bytes) const noexcept {
  if (index >= blocks_count_) return false;
  const std::span<std::byte> whole = block(index).bytes;
  const std::less_equal<const std::byte*> not_after;  // Defined for pointers into different memory, unlike <=.
  return not_after(whole.data(), bytes.data()) && not_after(bytes.data() + bytes.size(), whole.data() + whole.size());
}

}  // namespace io
