#pragma once

// Values that wait to become one, in the association that the sum of a step has.

#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sched {

/// Children of one sphere: micro-batches of a block, blocks of a larger block.
inline constexpr std::size_t sphere = 12;

/// How the values of a row belong together.
enum class Association : std::uint8_t {
  tree,   ///< in index order; a row of m splits at the largest power of two below m, and so on down
  chain,  ///< the first with the second, their sum with the third, and so on: the nodes on one way to the root
};

/// Up to twelve values that nobody has combined yet.
template <class T>
struct Row {
  std::array<T*, sphere> values{};
  std::size_t count = 0;
  Association association = Association::tree;
  std::uint32_t on_the_left = 0;  ///< of a chain: bit i where values[i] is the left child, not the sum so far

  std::span<T* const> span() const noexcept { return {values.data(), count}; }

  /// A chain with its first value only.
  static Row chain(T* first) noexcept { return {{first}, 1, Association::chain, 0}; }

  /// A chain's next value.
  void link(T* value, bool left) noexcept {
    assert(count < sphere);
    if (left) on_the_left |= std::uint32_t{1} << count;
    values[count++] = value;
  }
};

/// Combines values two by two as the sum tree does: it splits at the largest power of two below their number.
/// `combine(left, right)` returns where their sum stands.
template <class T, class Combine>
T* fold(std::span<T* const> row, Combine&& combine) {
  if (row.size() == 1) return row[0];
  const std::size_t left = std::bit_floor(row.size() - 1);
  T* const left_sum = fold(row.first(left), combine);
  return combine(left_sum, fold(row.subspan(left), combine));
}

/// Combines the values of a row as its association says.
template <class T, class Combine>
T* fold(const Row<T>& row, Combine&& combine) {
  if (row.association == Association::tree) return fold(row.span(), combine);
  T* sum = row.values[0];
  for (std::size_t i = 1; i < row.count; ++i) {
    T* const next = row.values[i];
    sum = (row.on_the_left >> i & 1) != 0 ? combine(next, sum) : combine(sum, next);
  }
  return sum;
}

}  // namespace sched
