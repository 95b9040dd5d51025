#pragma once

// The merges of a byte pair encoding: which two neighbouring tokens become which one, and which merge goes first.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/tokenizer.hpp"

namespace io {

/// `left` and `right` side by side become `merged`. In a list of merges the place is the rank: lower goes first.
struct Merge {
  TokenId left;
  TokenId right;
  TokenId merged;

  bool operator==(const Merge&) const = default;
};

/// Finds a merge by its two tokens: a hash table with open addressing, at most half full.
class MergeTable {
 public:
  static constexpr std::uint32_t no_rank = UINT32_MAX;

  struct Step {
    std::uint32_t rank = no_rank;  // no_rank: these two never merge
    TokenId merged = -1;
  };

  /// Room for `merges_count_max` merges, 32 to 64 bytes each.
  explicit MergeTable(std::size_t merges_count_max = 0);

  /// Requires room, and tokens that no earlier merge has.
  void add(const Merge& merge, std::uint32_t rank);

  Step find(TokenId left, TokenId right) const noexcept {
    const std::uint64_t key = key_of(left, right);
    const std::uint64_t mixed = mix(key);
    if (!may_be_there(mixed)) return {};
    for (std::size_t at = slot_of(mixed);; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return slots_[at].step;
      if (slots_[at].key == empty) return {};
    }
  }

 private:
  static constexpr std::uint64_t empty = UINT64_MAX;  // ids are not negative: no two of them give this key

  struct Slot {
    std::uint64_t key = empty;
    Step step;
  };

  static std::uint64_t key_of(TokenId left, TokenId right) noexcept {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
  }
  /// Fibonacci hashing: the high bits of a product depend on all bits of the key.
  static std::uint64_t mix(std::uint64_t key) noexcept { return (key ^ std::rotl(key, 29)) * 0x9E3779B97F4A7C15u; }
  std::size_t slot_of(std::uint64_t mixed) const noexcept { return static_cast<std::size_t>(mixed >> 32) & mask_; }
  /// Most pairs that are looked up never merge: 14 of 15 of these end in this filter, which is small and stays near.
  bool may_be_there(std::uint64_t mixed) const noexcept {
    const std::uint64_t bit = mixed >> filter_shift_;
    return (filter_[bit / 64] >> (bit % 64) & 1) != 0;
  }

  std::vector<Slot> slots_;
  std::size_t mask_;
  std::vector<std::uint64_t> filter_;  // 16 bits a merge
  unsigned filter_shift_;
  std::size_t count_ = 0;
};

}  // namespace io
