#pragma once

// How often each pre-token stands in a text: all that learning a byte pair encoding needs of a corpus. Each thread
// counts into a table of its own; at the end one absorbs the others. What is counted does not depend on who counted it.

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace io {

/// A hash table with open addressing over entries that lie in the order in which they were first met: the frequent
/// words come early and stay together. A slot is 8 bytes and at most 2/3 of them are used, an entry is 24 bytes; words
/// of more than 15 bytes, 0.4 of 100, lie in chunks beside them.
class BpeCounts {
 public:
  BpeCounts() noexcept = default;
  BpeCounts(BpeCounts&&) noexcept = default;
  BpeCounts& operator=(BpeCounts&&) noexcept = default;

  /// A word to be counted, hashed, its slot on the way into the cache. Refers to the word's bytes if it is long.
  struct Key {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::uint32_t hash = 0;
  };

  /// Requires 1 byte at least and less than 2^48.
  static Key key_of(std::string_view word) noexcept;
  /// Asks for the memory that `add` will look at first.
  void prefetch(const Key& key) const noexcept {
    if (!slots_.empty()) __builtin_prefetch(&slots_[key.hash & mask_]);
  }
  /// The same for what it will look at next, once that first memory has come.
  void prefetch_entry(const Key& key) const noexcept {
    if (slots_.empty()) return;
    const Slot& slot = slots_[key.hash & mask_];
    if (slot.entry != no_entry)
      __builtin_prefetch(&entries_[slot.entry / entries_per_chunk][slot.entry % entries_per_chunk]);
  }
  /// Counts the word `count` times more. Throws std::bad_alloc, and std::length_error above 2^32 - 2 words.
  void add(const Key& key, std::uint64_t count);
  void add(std::string_view word, std::uint64_t count = 1) { add(key_of(word), count); }

  /// Adds all that `other` has, which is empty afterwards.
  void absorb(BpeCounts&& other);

  /// Different words.
  std::size_t words_count() const noexcept { return entries_count_; }
  /// The word at a place below words_count(), in the order in which they were first met. Holds as long as this does.
  std::string_view word(std::size_t index) const noexcept;
  std::uint64_t count(std::size_t index) const noexcept { return entry(index).count; }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t entry = no_entry;
  };
  /// A short word's bytes, then zeros, its length in the last byte. A long one's address and length, and `long_mark`.
  struct Entry {
    std::uint64_t low;
    std::uint64_t high;
    std::uint64_t count;
  };

  static constexpr std::uint32_t no_entry = UINT32_MAX;
  static constexpr std::size_t short_bytes_max = 15;
  static constexpr std::uint64_t long_mark = std::uint64_t{0xFF} << 56;
  static constexpr std::size_t entries_per_chunk = std::size_t{1} << 14;
  static constexpr std::size_t chunk_bytes = std::size_t{1} << 18;

  static bool is_long(std::uint64_t high) noexcept { return high >= long_mark; }
  static std::string_view long_word(std::uint64_t low, std::uint64_t high) noexcept {
    return {reinterpret_cast<const char*>(low), static_cast<std::size_t>(high & ~long_mark)};
  }

  const Entry& entry(std::size_t index) const noexcept {
    assert(index < entries_count_);
    return entries_[index / entries_per_chunk][index % entries_per_chunk];
  }
  bool is_same(const Entry& entry, const Key& key) const noexcept;
  std::uint32_t append(const Key& key);
  const char* keep(std::string_view word);
  void grow();

  std::vector<Slot> slots_;
  std::uint32_t mask_ = 0;
  std::vector<std::unique_ptr<Entry[]>> entries_;
  std::size_t entries_count_ = 0;
  std::vector<std::unique_ptr<char[]>> chunks_;  // bytes of long words
  std::size_t chunk_left_bytes_ = 0;             // of the last chunk that words share
  char* chunk_at_ = nullptr;
};

}  // namespace io
