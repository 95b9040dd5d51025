#pragma once

// Remembers the ids of short pre-tokens: 97 of 100 pre-tokens of a text have been there before, and 99.6 of 100 are at
// most 15 bytes long (measured). One per encoder, so nothing is shared. It is filled by encoding alone, never from the
// vocabulary, since a token that no merge reaches must not be found.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "io/tokenizer.hpp"

namespace io {

class PieceCache {
 public:
  static constexpr std::size_t key_bytes_max = 15;
  static constexpr std::size_t ids_count_max = 5;
  /// 4,096 x 40 bytes: 160 KiB, within the second-level cache of a core beside the tables.
  static constexpr std::size_t entries_count = 4096;

  struct Key {
    std::uint64_t low = 0;
    std::uint64_t high = 0;  // its last byte is the length: a key is never 0 for a piece

    bool operator==(const Key&) const = default;
  };

  /// Requires 1 to key_bytes_max bytes.
  static Key key_of(std::string_view piece) noexcept {
    char bytes[16] = {};
    std::memcpy(bytes, piece.data(), piece.size());
    bytes[15] = static_cast<char>(piece.size());
    Key key;
    std::memcpy(&key.low, bytes, 8);
    std::memcpy(&key.high, bytes + 8, 8);
    return key;
  }

  /// The ids of the piece, or none where it is not there.
  std::span<const TokenId> find(const Key& key) const noexcept {
    const Entry& entry = entries_[slot_of(key)];
    return {entry.ids.data(), entry.key == key ? entry.count : 0};
  }

  /// Takes the place of what had the same slot. Pieces of more than ids_count_max ids are not kept.
  void put(const Key& key, std::span<const TokenId> ids) noexcept {
    if (ids.size() > ids_count_max) return;
    Entry& entry = entries_[slot_of(key)];
    entry.key = key;
    entry.count = static_cast<std::uint32_t>(ids.size());
    std::memcpy(entry.ids.data(), ids.data(), ids.size_bytes());
  }

 private:
  struct Entry {
    Key key;
    std::uint32_t count = 0;
    std::array<TokenId, ids_count_max> ids{};
  };

  static std::size_t slot_of(const Key& key) noexcept {
    const std::uint64_t mixed = (key.low ^ key.high * 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
    return static_cast<std::size_t>(mixed >> 40) % entries_count;
  }

  std::vector<Entry> entries_ = std::vector<Entry>(entries_count);
};

}  // namespace io
