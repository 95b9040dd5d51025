#pragma once

// Short pre-tokens and their ids as the caches hold them: 16 bytes each.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

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

/// A pre-token of at most 15 bytes.
struct PretokenKey {
  static constexpr std::size_t bytes_max = 15;

  std::uint64_t low = 0;
  std::uint64_t high = 0;  // its last byte is the length: neither 0 nor 1 for a pre-token

  /// Requires 1 to bytes_max bytes, and 16 that can be read.
  static PretokenKey of(const char* pretoken, std::size_t bytes) noexcept {
    PretokenKey key;
    std::memcpy(&key.low, pretoken, 8);
    std::memcpy(&key.high, pretoken + 8, 8);
    key.low &= length_masks_low[bytes];
    key.high = (key.high & length_masks_high[bytes]) | std::uint64_t{bytes} << 56;
    return key;
  }

  /// In the place of the key of a longer one: no key, and equal to none. Carries its hash.
  static constexpr PretokenKey of_long(std::uint64_t hash) noexcept { return {hash, 1}; }
  bool is_long() const noexcept { return high == 1; }

  bool operator==(const PretokenKey&) const = default;

  /// All bits of the key decide each of the upper ones.
  std::uint64_t mixed() const noexcept { return (low ^ high * 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u; }
};

/// At most four ids below 2^24; how many stands above the first one.
class PretokenIds {
 public:
  static constexpr std::size_t count_max = 4;

  static bool fit(std::span<const TokenId> ids) noexcept {
    if (ids.empty() || ids.size() > count_max) return false;
    for (const TokenId id : ids)
      if (id >= id_end) return false;
    return true;
  }

  /// Requires ids that fit.
  static PretokenIds of(std::span<const TokenId> ids) noexcept {
    PretokenIds packed;
    std::memcpy(packed.words, ids.data(), ids.size_bytes());
    packed.words[0] |= std::uint64_t{ids.size()} << count_shift;
    return packed;
  }

  /// Writes count_max ids; returns how many of them count.
  std::size_t read(TokenId* ids) const noexcept {
    const std::uint64_t first = words[0] & ~(std::uint64_t{0xFF} << count_shift);
    std::memcpy(ids, &first, 8);
    std::memcpy(ids + 2, &words[1], 8);
    return words[0] >> count_shift & 0xFF;
  }

  std::uint64_t words[2] = {0, 0};

 private:
  static constexpr TokenId id_end = 1 << 24;
  static constexpr unsigned count_shift = 24;
};

}  // namespace io
