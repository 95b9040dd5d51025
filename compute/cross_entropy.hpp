#pragma once

// The cross-entropy of rows of logits against target ids, and its gradient.
//
// The arithmetic per row, f32 where nothing is said:
//   m        = the row's maximum
//   e_i      = exp(x_i - m)                       compute/exp.hpp
//   sum      = sum16(e)                           16 virtual lanes, compute/lanes.hpp
//   loss     = (m - x_target) + log(sum)          in double, compute/scalar_math.hpp
//   p_i      = e_i * (1 / sum)
//   dx_i     = p_i, and p_target - 1 for the target
// The rows' losses are added in double from +0 in order.

#include <cstddef>

#include "compute/matrix.hpp"
#include "compute/token_grid.hpp"

namespace compute {

/// The sum of the losses of the first `targets_count` rows, in nats.
///   logits: (B*T, V), a row per target. Requires targets_count <= B*T.
double cross_entropy_loss(ConstMatrix logits, const TokenGrid& targets, std::size_t targets_count) noexcept;

/// The same sum; the logits are overwritten by its gradient. Rows from `targets_count` on become +0.
double cross_entropy_gradient(Matrix logits, const TokenGrid& targets, std::size_t targets_count) noexcept;

namespace plain {
double cross_entropy_loss(ConstMatrix logits, const TokenGrid& targets, std::size_t targets_count) noexcept;
double cross_entropy_gradient(Matrix logits, const TokenGrid& targets, std::size_t targets_count) noexcept;
}  // namespace plain

}  // namespace compute
