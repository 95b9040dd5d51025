#include "io/long_pretoken_cache.hpp"

#include <cstring>

namespace io {
namespace {

using Slot = std::atomic_ref<std::uint64_t>;

}  // namespace

LongPretokenCache::LongPretokenCache() : slots_(std::size_t{1} << slots_bits), entries_(entries_bytes_max) {}

std::uint64_t LongPretokenCache::hash_of(std::string_view pretoken) noexcept {
  std::uint64_t mixed = pretoken.size() * 0x9E3779B97F4A7C15u;
  const auto enter = [&mixed](std::uint64_t eight) {
    mixed = (mixed ^ eight) * 0xD6E8FEB86659FD93u;
    mixed ^= mixed >> 29;
  };
  std::uint64_t eight = 0;
  if (pretoken.size() < 8) {
    std::memcpy(&eight, pretoken.data(), pretoken.size());
  } else {
    for (std::size_t at = 0; at + 8 < pretoken.size(); at += 8) {
      std::memcpy(&eight, pretoken.data() + at, 8);
      enter(eight);
    }
    std::memcpy(&eight, pretoken.data() + pretoken.size() - 8, 8);
  }
  enter(eight);
  return mixed * 0x9E3779B97F4A7C15u;
}

void LongPretokenCache::prefetch_entry(std::uint64_t hash) const noexcept {
  const std::uint64_t slot = Slot(slots_.data()[slot_of(hash)]).load(std::memory_order_relaxed);
  if (slot != 0) __builtin_prefetch(entry_of(slot));
}

std::span<const TokenId> LongPretokenCache::find(std::uint64_t hash, std::string_view pretoken) const noexcept {
  for (std::size_t probe = 0; probe < probes_max; ++probe) {
    const std::uint64_t slot = Slot(slots_.data()[slot_of(hash, probe)]).load(std::memory_order_acquire);
    if (slot == 0) return {};
    if (slot >> 32 != hash >> 32) continue;
    const unsigned char* const begin = entry_of(slot);
    Entry entry;
    std::memcpy(&entry, begin, sizeof entry);
    const auto* const ids = reinterpret_cast<const TokenId*>(begin + sizeof entry);
    if (entry.bytes == pretoken.size() && std::memcmp(ids + entry.ids_count, pretoken.data(), pretoken.size()) == 0)
      return {ids, entry.ids_count};
  }
  return {};
}

void LongPretokenCache::put(std::uint64_t hash, std::string_view pretoken, std::span<const TokenId> ids) noexcept {
  if (pretoken.size() > bytes_max) return;
  const std::size_t bytes = sizeof(Entry) + ids.size_bytes() + pretoken.size();
  const std::size_t bytes_taken = (bytes + unit_bytes - 1) / unit_bytes * unit_bytes;
  if (entries_bytes_.load(std::memory_order_relaxed) + bytes_taken > entries_bytes_max) return;
  const std::size_t begin = entries_bytes_.fetch_add(bytes_taken, std::memory_order_relaxed);
  if (begin + bytes_taken > entries_bytes_max) return;
  const Entry entry{static_cast<std::uint32_t>(pretoken.size()), static_cast<std::uint32_t>(ids.size())};
  unsigned char* const to = entries_.data() + begin;
  std::memcpy(to, &entry, sizeof entry);
  std::memcpy(to + sizeof entry, ids.data(), ids.size_bytes());
  std::memcpy(to + sizeof entry + ids.size_bytes(), pretoken.data(), pretoken.size());
  const std::uint64_t slot = hash >> 32 << 32 | (begin / unit_bytes + 1);
  for (std::size_t probe = 0; probe < probes_max; ++probe) {
    std::uint64_t free = 0;
    if (Slot(slots_.data()[slot_of(hash, probe)])
            .compare_exchange_strong(free, slot, std::memory_order_release, std::memory_order_relaxed))
      return;
  }
}

}  // namespace io
