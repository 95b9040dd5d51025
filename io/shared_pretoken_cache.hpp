#pragma once

// What one encoder has found out no other one finds out again: the second level behind each encoder's own cache. An
// entry is written once and never changes, so readers need no lock; where a line is full the newcomer is left out.

#include <cstddef>
#include <cstdint>

#include "io/pretoken_key.hpp"
#include "io/zero_pages.hpp"

namespace io {

class SharedPretokenCache {
 public:
  void prefetch(const PretokenKey& key) const noexcept { __builtin_prefetch(&lines_.data()[line_of(key)]); }
  /// Whether the key is there, and then its ids in `ids`. From any thread.
  bool find(const PretokenKey& key, PretokenIds& ids) const noexcept;
  /// From any thread. Where two bring the same key at once it may stand there twice, with the same ids.
  void put(const PretokenKey& key, const PretokenIds& ids) noexcept;

 private:
  static constexpr unsigned lines_bits = 17;
  static constexpr std::size_t lines_count = std::size_t{1} << lines_bits;
  static constexpr std::uint64_t being_written = 1;  // no key: its length would be 0

  struct Entry {
    std::uint64_t high, low;
    std::uint64_t ids[2];
  };
  struct Line {
    Entry entries[2];  // 64 bytes
  };
  static std::size_t line_of(const PretokenKey& key) noexcept {
    return static_cast<std::size_t>(key.mixed() >> (64 - lines_bits));
  }

  ZeroPages<Line> lines_{lines_count};  // 8 MiB
};

}  // namespace io
