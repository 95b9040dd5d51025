#pragma once

// The ids of pre-tokens that are too long for a PretokenKey, or have too many ids: long words, words of scripts of
// which a letter takes several bytes, rules in comments. Shared by all encoders of a tokenizer: what is there stays, at
// its place, so readers need no lock; once it is full newcomers are left out.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "io/tokenizer.hpp"
#include "io/zero_pages.hpp"

namespace io {

class LongPretokenCache {
 public:
  /// Throws std::bad_alloc.
  LongPretokenCache();

  static std::uint64_t hash_of(std::string_view pretoken) noexcept;

  /// Both ask for what `find` will read; the second one where the first one was called a while ago.
  void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&slots_.data()[slot_of(hash)]); }
  void prefetch_entry(std::uint64_t hash) const noexcept;
  /// The ids, valid as long as the cache, or none where the pre-token is not there. From any thread.
  std::span<const TokenId> find(std::uint64_t hash, std::string_view pretoken) const noexcept;
  /// From any thread. Requires ids.
  void put(std::uint64_t hash, std::string_view pretoken, std::span<const TokenId> ids) noexcept;

 private:
  static constexpr std::size_t bytes_max = 128;
  static constexpr unsigned slots_bits = 17;                  // 1 MiB
  static constexpr std::size_t entries_bytes_max = 16 << 20;  // resident as far as they are written
  static constexpr std::size_t probes_max = 4;

  /// Behind it the ids, then the bytes of the pre-token.
  struct Entry {
    std::uint32_t bytes;
    std::uint32_t ids_count;
  };
  static constexpr std::size_t unit_bytes = 8;  // entries begin at multiples of it

  static std::size_t slot_of(std::uint64_t hash, std::size_t probe = 0) noexcept {
    return (hash + probe) & ((std::size_t{1} << slots_bits) - 1);
  }
  const unsigned char* entry_of(std::uint64_t slot) const noexcept {
    return entries_.data() + ((slot & UINT32_MAX) - 1) * unit_bytes;
  }

  ZeroPages<std::uint64_t> slots_;  // upper half: of the hash; lower half: 1 + the entry's unit, 0 where it is free
  ZeroPages<unsigned char> entries_;
  std::atomic<std::size_t> entries_bytes_{0};
};

}  // namespace io
