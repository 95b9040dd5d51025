#include "io/shared_pretoken_cache.hpp"

#include <atomic>

namespace io {
namespace {

using Word = std::atomic_ref<std::uint64_t>;

}  // namespace

bool SharedPretokenCache::find(const PretokenKey& key, PretokenIds& ids) const noexcept {
  for (Entry& entry : lines_.data()[line_of(key)].entries) {
    if (Word(entry.high).load(std::memory_order_acquire) != key.high) continue;
    if (Word(entry.low).load(std::memory_order_relaxed) != key.low) continue;
    ids.words[0] = Word(entry.ids[0]).load(std::memory_order_relaxed);
    ids.words[1] = Word(entry.ids[1]).load(std::memory_order_relaxed);
    return true;
  }
  return false;
}

void SharedPretokenCache::put(const PretokenKey& key, const PretokenIds& ids) noexcept {
  for (Entry& entry : lines_.data()[line_of(key)].entries) {
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
