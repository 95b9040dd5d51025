#include "io/bpe_counts.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace io {

static_assert(std::endian::native == std::endian::little, "a short word's length is the last byte of its key");

BpeCounts::Key BpeCounts::key_of(std::string_view word) noexcept {
  assert(!word.empty());
  Key key;
  if (word.size() > short_bytes_max) {
    key.low = reinterpret_cast<std::uintptr_t>(word.data());
    key.high = long_mark | word.size();
    key.hash = static_cast<std::uint32_t>(XXH3_64bits(word.data(), word.size()));
    return key;
  }
  // Overlapping loads of fixed size: a copy of variable length is a call.
  const char* const bytes = word.data();
  const std::size_t size = word.size();
  const auto load = [bytes](auto& value, std::size_t at) { std::memcpy(&value, bytes + at, sizeof value); };
  if (size >= 8) {
    std::uint64_t last;
    load(key.low, 0);
    load(last, size - 8);
    key.high = size == 8 ? 0 : last >> 8 * (16 - size);
  } else if (size >= 4) {
    std::uint32_t first, last;
    load(first, 0);
    load(last, size - 4);
    key.low = first | std::uint64_t{last} << 8 * (size - 4);
  } else {
    const auto byte = [bytes](std::size_t at) { return std::uint64_t{static_cast<unsigned char>(bytes[at])}; };
    key.low = byte(0) | byte(size / 2) << 8 * (size / 2) | byte(size - 1) << 8 * (size - 1);
  }
  key.high |= std::uint64_t{size} << 56;
  // The high half of a product depends on all bits of both factors.
  __extension__ using Product = unsigned __int128;
  const auto product = static_cast<Product>(key.low ^ 0x9E3779B97F4A7C15u) * (key.high ^ 0xD6E8FEB86659FD93u);
  key.hash = static_cast<std::uint32_t>(product >> 64 ^ product);
  return key;
}

bool BpeCounts::is_same(const Entry& entry, const Key& key) const noexcept {
  if (entry.high != key.high) return false;
  if (!is_long(key.high)) return entry.low == key.low;
  return long_word(entry.low, entry.high) == long_word(key.low, key.high);
}

void BpeCounts::add(const Key& key, std::uint64_t count) {
  if (entries_count_ >= slots_.size() / 3 * 2) grow();
  for (std::uint32_t at = key.hash & mask_;; at = (at + 1) & mask_) {
    Slot& slot = slots_[at];
    if (slot.entry == no_entry) slot = {key.hash, append(key)};
    if (slot.hash != key.hash) continue;
    Entry& found = entries_[slot.entry / entries_per_chunk][slot.entry % entries_per_chunk];
    if (!is_same(found, key)) continue;
    found.count += count;
    return;
  }
}

std::uint32_t BpeCounts::append(const Key& key) {
  if (entries_count_ + 1 >= no_entry) throw std::length_error("more than 4294967294 different words");
  std::uint64_t low = key.low;
  if (is_long(key.high)) low = reinterpret_cast<std::uintptr_t>(keep(long_word(key.low, key.high)));
  if (entries_count_ == entries_.size() * entries_per_chunk)
    entries_.push_back(std::make_unique_for_overwrite<Entry[]>(entries_per_chunk));
  entries_.back()[entries_count_ % entries_per_chunk] = {low, key.high, 0};
  return static_cast<std::uint32_t>(entries_count_++);
}

const char* BpeCounts::keep(std::string_view word) {
  if (word.size() > chunk_bytes / 4) {  // its own chunk: the shared one stays in use
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(word.size()));
    return std::copy(word.begin(), word.end(), chunks_.back().get()) - word.size();
  }
  if (word.size() > chunk_left_bytes_) {
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk_bytes));
    chunk_at_ = chunks_.back().get();
    chunk_left_bytes_ = chunk_bytes;
  }
  const char* const kept = chunk_at_;
  chunk_at_ = std::copy(word.begin(), word.end(), chunk_at_);
  chunk_left_bytes_ -= word.size();
  return kept;
}

void BpeCounts::grow() {
  std::vector<Slot> slots(std::max<std::size_t>(1024, 2 * slots_.size()));
  const auto mask = static_cast<std::uint32_t>(slots.size() - 1);
  for (const Slot& slot : slots_) {
    if (slot.entry == no_entry) continue;
    std::uint32_t at = slot.hash & mask;
    while (slots[at].entry != no_entry) at = (at + 1) & mask;
    slots[at] = slot;
  }
  slots_ = std::move(slots);
  mask_ = mask;
}

void BpeCounts::absorb(BpeCounts&& other) {
  BpeCounts from = std::move(other);
  other = BpeCounts();
  if (from.entries_count_ > entries_count_) std::swap(from, *this);
  from.slots_ = {};
  constexpr std::size_t ahead = 16;  // words whose slots are on their way
  Key keys[ahead];
  for (std::size_t i = 0; i < from.entries_count_ + ahead; ++i) {
    if (i >= ahead) add(keys[i % ahead], from.count(i - ahead));
    if (i >= from.entries_count_) continue;
    keys[i % ahead] = key_of(from.word(i));
    prefetch(keys[i % ahead]);
  }
}

std::string_view BpeCounts::word(std::size_t index) const noexcept {
  const Entry& found = entry(index);
  if (is_long(found.high)) return long_word(found.low, found.high);
  return {reinterpret_cast<const char*>(&found.low), static_cast<std::size_t>(found.high >> 56)};
}

}  // namespace io
