#include "compute/tree_sum.hpp"

#include <bit>
#include <cassert>

namespace compute::plain {
namespace {

float sum_at(std::span<const float* const> rows, std::size_t i) noexcept {
  if (rows.size() == 1) return rows[0][i];
  const std::size_t left = std::bit_floor(rows.size() - 1);
  return sum_at(rows.first(left), i) + sum_at(rows.subspan(left), i);
}

}  // namespace

void tree_sum(std::span<float> out, std::span<const float* const> rows) noexcept {
  assert(!rows.empty() && rows.size() <= tree_sum_max);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = sum_at(rows, i);
}

void chain_sum(std::span<float> out, std::span<const float* const> rows) noexcept {
  assert(!rows.empty() && rows.size() <= tree_sum_max);
  for (std::size_t i = 0; i < out.size(); ++i) {
    float sum = rows[0][i];
    for (const float* row : rows.subspan(1)) sum += row[i];
    out[i] = sum;
  }
}

}  // namespace compute::plain
