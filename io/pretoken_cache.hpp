#pragma once

// Remembers the ids of pre-tokens: 97 of 100 of a text have been there before, and 99.6 of 100 are at most 15 bytes
// long (measured on English and code). One per encoder. They are filled by encoding alone, never from the vocabulary,
// since a token that no merge reaches must not be found.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "io/pretoken_key.hpp"
#include "io/tokenizer.hpp"

namespace io {

/// Pre-tokens of at most 15 bytes and four ids: two of them in each line of 64 bytes.
class ShortPretokenCache {
 public:
  struct Entry {
    PretokenKey key;
    PretokenIds ids;
  };

  static std::uint32_t bucket_of(const PretokenKey& key) noexcept {
    return static_cast<std::uint32_t>((key.mixed() >> 32) * buckets_count >> 32);
  }

  void prefetch(std::uint32_t bucket) const noexcept { __builtin_prefetch(&buckets_[bucket]); }

  /// Whether the key is there, and then its ids in `ids`. Without a branch.
  bool find(std::uint32_t bucket, const PretokenKey& key, PretokenIds& ids) const noexcept {
    const std::array<Entry, 2>& two = buckets_[bucket].entries;
    const bool is_first = ((two[0].key.low ^ key.low) | (two[0].key.high ^ key.high)) == 0;
    const bool is_second = ((two[1].key.low ^ key.low) | (two[1].key.high ^ key.high)) == 0;
    ids = two[is_second ? 1 : 0].ids;
    return is_first || is_second;
  }

  /// Takes the place of the one that has been there longer.
  void put(std::uint32_t bucket, const PretokenKey& key, const PretokenIds& ids) noexcept {
    Bucket& two = buckets_[bucket];
    two.entries[1] = two.entries[0];
    two.entries[0] = {key, ids};
  }

 private:
  static constexpr std::uint64_t buckets_count = 16 << 10;  // 1.5 MiB

  struct alignas(64) Bucket {
    std::array<Entry, 2> entries;
  };

  std::vector<Bucket> buckets_ = std::vector<Bucket>(buckets_count);
};

}  // namespace io
