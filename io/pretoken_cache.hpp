#pragma once

// Remembers the ids of pre-tokens: 97 of 100 of a text have been there before, and 99.6 of 100 are at most 15 bytes
// long (measured on English and code). One per encoder, so nothing is shared. It is filled by encoding alone, never
// from the vocabulary, since a token that no merge reaches must not be found.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "io/tokenizer.hpp"

namespace io {

/// Of 16 bytes in two words, the first so many.
constexpr std::array<std::uint64_t, 16> length_masks(bool high) noexcept {
  std::array<std::uint64_t, 16> of_length{};
  for (std::size_t bytes = 0; bytes < 16; ++bytes) {
    const std::size_t kept = high ? (bytes > 8 ? bytes - 8 : 0) : (bytes < 8 ? bytes : 8);
    of_length[bytes] = kept == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * kept) - 1;
  }
  return of_length;
}
inline constexpr std::array<std::uint64_t, 16> length_masks_low = length_masks(false);
inline constexpr std::array<std::uint64_t, 16> length_masks_high = length_masks(true);

/// Pre-tokens of at most 15 bytes and 5 ids: two of them in each line of 64 bytes.
class ShortPretokenCache {
 public:
  static constexpr std::size_t key_bytes_max = 15;
  static constexpr std::size_t ids_count_max = 5;
  static constexpr TokenId id_end = 1 << 24;  // ids from here on are not kept

  struct Key {
    std::uint64_t low = 0;
    std::uint64_t high = 0;  // its last byte is the length: a key is never 0 for a pre-token

    bool operator==(const Key&) const = default;
  };

  /// Three bytes for each id, then their number.
  class Entry {
   public:
    Key key;

    /// Writes ids_count_max ids; returns how many of them count.
    std::size_t read(TokenId* ids) const noexcept {
      ids[0] = id(0);
      ids[1] = id(1);
      if (count() > 2) {
        ids[2] = id(2);
        ids[3] = id(3);
        ids[4] = id(4);
      }
      return count();
    }
    void write(std::span<const TokenId> ids) noexcept {
      for (std::size_t i = 0; i < ids.size(); ++i) std::memcpy(packed_.data() + 3 * i, &ids[i], 3);
      packed_[15] = static_cast<std::uint8_t>(ids.size());
    }

   private:
    std::size_t count() const noexcept { return packed_[15]; }
    TokenId id(std::size_t index) const noexcept {
      std::uint32_t four;
      std::memcpy(&four, packed_.data() + 3 * index, 4);
      return static_cast<TokenId>(four & 0xFFFFFF);
    }

    std::array<std::uint8_t, 16> packed_{};
  };

  /// Requires 1 to key_bytes_max bytes, and 16 that can be read.
  static Key key_of(const char* pretoken, std::size_t bytes) noexcept {
    Key key;
    std::memcpy(&key.low, pretoken, 8);
    std::memcpy(&key.high, pretoken + 8, 8);
    key.low &= length_masks_low[bytes];
    key.high = (key.high & length_masks_high[bytes]) | std::uint64_t{bytes} << 56;
    return key;
  }

  static std::uint32_t bucket_of(const Key& key) noexcept {
    const std::uint64_t mixed = (key.low ^ key.high * 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
    return static_cast<std::uint32_t>((mixed >> 32) * buckets_count >> 32);
  }

  void prefetch(std::uint32_t bucket) const noexcept { __builtin_prefetch(&buckets_[bucket]); }

  /// The entry of the key, or null.
  const Entry* find(std::uint32_t bucket, const Key& key) const noexcept {
    const Bucket& two = buckets_[bucket];
    if (two.entries[0].key == key) return &two.entries[0];
    return two.entries[1].key == key ? &two.entries[1] : nullptr;
  }

  static bool fits(std::span<const TokenId> ids) noexcept {
    if (ids.size() > ids_count_max) return false;
    for (const TokenId id : ids)
      if (id >= id_end) return false;
    return true;
  }

  /// Takes the place of the one that has been there longer.   Requires ids that fit.
  void put(std::uint32_t bucket, const Key& key, std::span<const TokenId> ids) noexcept {
    Bucket& two = buckets_[bucket];
    two.entries[1] = two.entries[0];
    two.entries[0].key = key;
    two.entries[0].write(ids);
  }

 private:
  static constexpr std::uint64_t buckets_count = 24 << 10;  // 1.5 MiB

  struct alignas(64) Bucket {
    std::array<Entry, 2> entries;
  };

  std::vector<Bucket> buckets_ = std::vector<Bucket>(buckets_count);
};

/// Longer ones, or with more ids: words of scripts of which a letter takes several bytes, mostly.
class LongPretokenCache {
 public:
  static constexpr std::size_t bytes_max = 62;
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
    for (std::size_t at = 0; at < pretoken.size(); at += 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, pretoken.data() + at, pretoken.size() - at < 8 ? pretoken.size() - at : 8);
      mixed = (mixed ^ eight) * 0xD6E8FEB86659FD93u;
      mixed ^= mixed >> 29;
    }
    return static_cast<std::size_t>(mixed * 0x9E3779B97F4A7C15u >> (64 - slots_bits));
  }

  std::vector<Entry> entries_ = std::vector<Entry>(std::size_t{1} << slots_bits);
};

}  // namespace io
