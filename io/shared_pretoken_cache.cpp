#include "io/shared_pretoken_cache.hpp"

#include <sys/mman.h>

#include <atomic>
#include <new>

namespace io {
namespace {

using Word = std::atomic_ref<std::uint64_t>;

}  // namespace

SharedPretokenCache::SharedPretokenCache() {
  void* const memory =
      ::mmap(nullptr, lines_count * sizeof(Line), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  lines_.reset(static_cast<Line*>(memory));
}

void SharedPretokenCache::Unmap::operator()(Line* lines) const noexcept {
  ::munmap(lines, lines_count * sizeof(Line));
}

bool SharedPretokenCache::find(const PretokenKey& key, PretokenIds& ids) const noexcept {
  for (Entry& entry : lines_[line_of(key)].entries) {
    if (Word(entry.high).load(std::memory_order_acquire) != key.high) continue;
    if (Word(entry.low).load(std::memory_order_relaxed) != key.low) continue;
    ids.words[0] = Word(entry.ids[0]).load(std::memory_order_relaxed);
    ids.words[1] = Word(entry.ids[1]).load(std::memory_order_relaxed);
    return true;
  }
  return false;
}

void SharedPretokenCache::put(const PretokenKey& key, const PretokenIds& ids) noexcept {
  for (Entry& entry : lines_[line_of(key)].entries) {
    std::uint64_t free = 0;
    if (!Word(entry.high).compare_exchange_strong(free, being_written, std::memory_order_relaxed)) continue;
    Word(entry.low).store(key.low, std::memory_order_relaxed);
    Word(entry.ids[0]).store(ids.words[0], std::memory_order_relaxed);
    Word(entry.ids[1]).store(ids.words[1], std::memory_order_relaxed);
    Word(entry.high).store(key.high, std::memory_order_release);
    return;
  }
}

}  // namespace io
