#pragma once

// How often each pair of tokens stands while a byte pair encoding is learned: a hash table with open addressing, at
// most 2/3 full, 16 bytes a slot. Pairs stay, whatever their count. Part of io/bpe_trainer.hpp.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace io {

class PairCounts {
 public:
  void add(std::uint64_t pair, std::int64_t change) {
    if (used_count_ >= slots_.size() / 3 * 2) grow();
    Slot& slot = slots_[place_of(pair)];
    if (slot.pair == no_pair) {
      slot.pair = pair;
      ++used_count_;
    }
    slot.count += change;
  }

  /// 0 for a pair that was never met.
  std::int64_t count(std::uint64_t pair) const noexcept { return slots_.empty() ? 0 : slots_[place_of(pair)].count; }

 private:
  static constexpr std::uint64_t no_pair = UINT64_MAX;  // no token has the id UINT32_MAX
  struct Slot {
    std::uint64_t pair = no_pair;
    std::int64_t count = 0;
  };

  /// Where the pair is, or would be.
  std::size_t place_of(std::uint64_t pair) const noexcept {
    const std::uint64_t mixed = (pair ^ pair >> 29) * 0x9E3779B97F4A7C15u;
    std::size_t at = static_cast<std::size_t>(mixed >> 28) & mask_;
    while (slots_[at].pair != pair && slots_[at].pair != no_pair) at = (at + 1) & mask_;
    return at;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 1024 : 2 * slots_.size());
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old)
      if (slot.pair != no_pair) slots_[place_of(slot.pair)] = slot;
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  std::size_t used_count_ = 0;
};

}  // namespace io
