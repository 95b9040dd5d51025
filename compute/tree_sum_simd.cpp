// The tree's additions on vectors: each row is read once, the sums of a vector stay in registers (at most five are
// alive at a time), and the result is written once. It moves 4 (rows + 1) bytes a float, 52 for twelve, so beyond the
// caches it is bound by memory: 2.4-4 ns a parameter on two cores, against 44 reads and writes for eleven single
// additions.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/tree_sum_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <utility>

#include "compute/simd_lanes-inl.hpp"
#include "compute/tree_sum.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// Rows of the left half of a sum of `count`.
struct TreeSplit {
  static constexpr std::size_t left(std::size_t count) { return std::bit_floor(count - 1); }
};
struct ChainSplit {
  static constexpr std::size_t left(std::size_t count) { return count - 1; }
};

/// The sum of `count` rows at element i, the first of them number `first`.
template <class Split, std::size_t first, std::size_t count, class D>
HWY_INLINE hn::Vec<D> RowsSum(D d, const float* const* HWY_RESTRICT rows, std::size_t i, std::size_t lanes) {
  if constexpr (count == 1) {
    return LoadPart(d, rows[first] + i, lanes);
  } else {
    constexpr std::size_t left = Split::left(count);
    const auto left_sum = RowsSum<Split, first, left>(d, rows, i, lanes);
    return hn::Add(left_sum, RowsSum<Split, first + left, count - left>(d, rows, i, lanes));
  }
}

template <class Split, std::size_t count>
void AddRows(float* out, const float* const* rows, std::size_t floats_count) {
  const Lanes16Tag d;
  const float* row[count];  // a copy that `out` cannot alias
  std::copy(rows, rows + count, row);
  ForEachVector(d, floats_count, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
    StorePart(RowsSum<Split, 0, count>(d, row, i, lanes), d, out + i, lanes);
  });
}

template <class Split, std::size_t... Index>
void AddAnyRows(float* out, const float* const* rows, std::size_t rows_count, std::size_t floats_count,
                std::index_sequence<Index...>) {
  using Add = void (*)(float*, const float* const*, std::size_t);
  constexpr Add adds[] = {&AddRows<Split, Index + 1>...};
  adds[rows_count - 1](out, rows, floats_count);
}

void TreeSum(float* out, const float* const* rows, std::size_t rows_count, std::size_t floats_count) {
  AddAnyRows<TreeSplit>(out, rows, rows_count, floats_count, std::make_index_sequence<tree_sum_max>());
}

void ChainSum(float* out, const float* const* rows, std::size_t rows_count, std::size_t floats_count) {
  AddAnyRows<ChainSplit>(out, rows, rows_count, floats_count, std::make_index_sequence<tree_sum_max>());
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(TreeSum);
HWY_EXPORT(ChainSum);

void tree_sum(std::span<float> out, std::span<const float* const> rows) noexcept {
  assert(!rows.empty() && rows.size() <= tree_sum_max);
  HWY_DYNAMIC_DISPATCH(TreeSum)(out.data(), rows.data(), rows.size(), out.size());
}

void chain_sum(std::span<float> out, std::span<const float* const> rows) noexcept {
  assert(!rows.empty() && rows.size() <= tree_sum_max);
  HWY_DYNAMIC_DISPATCH(ChainSum)(out.data(), rows.data(), rows.size(), out.size());
}

}  // namespace compute
#endif
