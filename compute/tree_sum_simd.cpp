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

#include "compute/simd_lanes-inl.hpp"
#include "compute/tree_sum.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// The sum of `count` rows at element i, the first of them number `first`.
template <std::size_t first, std::size_t count, class D>
HWY_INLINE hn::Vec<D> RowsSum(D d, const float* const* HWY_RESTRICT rows, std::size_t i, std::size_t lanes) {
  if constexpr (count == 1) {
    return LoadPart(d, rows[first] + i, lanes);
  } else {
    constexpr std::size_t left = std::bit_floor(count - 1);
    const auto left_sum = RowsSum<first, left>(d, rows, i, lanes);
    return hn::Add(left_sum, RowsSum<first + left, count - left>(d, rows, i, lanes));
  }
}

template <std::size_t count>
void AddRows(float* out, const float* const* rows, std::size_t floats_count) {
  const Lanes16Tag d;
  const float* row[count];  // a copy that `out` cannot alias
  std::copy(rows, rows + count, row);
  ForEachVector(d, floats_count, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
    StorePart(RowsSum<0, count>(d, row, i, lanes), d, out + i, lanes);
  });
}

void TreeSum(float* out, const float* const* rows, std::size_t rows_count, std::size_t floats_count) {
  using Add = void (*)(float*, const float* const*, std::size_t);
  constexpr Add adds[tree_sum_max] = {&AddRows<1>, &AddRows<2>, &AddRows<3>, &AddRows<4>,  &AddRows<5>,  &AddRows<6>,
                                      &AddRows<7>, &AddRows<8>, &AddRows<9>, &AddRows<10>, &AddRows<11>, &AddRows<12>};
  adds[rows_count - 1](out, rows, floats_count);
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(TreeSum);

void tree_sum(std::span<float> out, std::span<const float* const> rows) noexcept {
  assert(!rows.empty() && rows.size() <= tree_sum_max);
  HWY_DYNAMIC_DISPATCH(TreeSum)(out.data(), rows.data(), rows.size(), out.size());
}

}  // namespace compute
#endif
