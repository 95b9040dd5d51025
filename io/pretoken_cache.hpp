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

/// Longer ones, or with more ids: words of scripts of which a letter takes several bytes, mostly.
class LongPretokenCache {
 public:
  static constexpr std::size_t bytes_max = 126;
  static constexpr std::size_t ids_count_max = 32;

  /// The ids, or none where the pre-token is not there.
  std::span<const TokenId> find(std::string_view pretoken) const noexcept {
    if (pretoken.size() > bytes_max) return {};
    const Entry& entry = entries_[slot_of(pretoken)];
    const bool same = entry.bytes == pretoken.size() && std::memcmp(entry.text, pretoken.data(), pretoken.size()) == 0;
    return {entry.ids, same ? entry.count : std::size_t{0}};
  }

  /// Takes the place of what had the same slot.
  void put(std::string_view pretoken, std::span<const TokenId> ids) noexcept {
    if (pretoken.size() > bytes_max || ids.size() > ids_count_max) return;
    Entry& entry = entries_[slot_of(pretoken)];
    entry.bytes = static_cast<std::uint8_t>(pretoken.size());
    entry.count = static_cast<std::uint8_t>(ids.size());
    std::memcpy(entry.text, pretoken.data(), pretoken.size());
    std::memcpy(entry.ids, ids.data(), ids.size_bytes());
  }

 private:
  static constexpr unsigned slots_bits = 11;  // 384 KiB

  struct alignas(64) Entry {
    std::uint8_t bytes = 0;
    std::uint8_t count = 0;
    char text[bytes_max];
    TokenId ids[ids_count_max];
  };

  static std::size_t slot_of(std::string_view pretoken) noexcept {
    std::uint64_t mixed = pretoken.size() * 0x9E3779B97F4A7C15u;
    const auto enter = [&mixed](std::uint64_t eight) {
      mixed = (mixed ^ eight) * 0xD6E8FEB86659FD93u;
      mixed ^= mixed >> 29;
    };
    std::uint64_t eight = 0;
    if (pretoken.size() < 8) {
      std::memcpy(&eight, pretoken.data(), pretoken.size());
      enter(eight);
    } else {
      for (std::size_t at = 0; at + 8 < pretoken.size(); at += 8) {
        std::memcpy(&eight, pretoken.data() + at, 8);
        enter(eight);
      }
      std::memcpy(&eight, pretoken.data() + pretoken.size() - 8, 8);
      enter(eight);
    }
    return static_cast<std::size_t>(mixed * 0x9E3779B97F4A7C15u >> (64 - slots_bits));
  }

  std::vector<Entry> entries_ = std::vector<Entry>(std::size_t{1} << slots_bits);
};

}  // namespace io
