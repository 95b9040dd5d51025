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
// With label smoothing or a loss on the partition function (compute/objective.hpp) the losses stay what they are, so
// that they can be compared; the gradient becomes
//   log_z    = f32(m + log(sum))                  in double
//   f        = (1 / sum) * (1 + (2 * z_loss) * log_z)
//   dx_i     = e_i * f - f32(label_smoothing / V), and less f32(1 - label_smoothing) for the target
// The rows' losses are added in double, in order. A micro-batch's rows may come in several calls, each going on from
// the sum that the last one returned.

#include <algorithm>
#include <cstddef>

#include "compute/matrix.hpp"
#include "compute/objective.hpp"
#include "compute/token_grid.hpp"

namespace compute {

/// Which targets a few rows of logits stand against: row i against token first + i of `targets`, as long as that is
/// below `targets_count`; the targets after them are masked.
struct LossRows {
  TokenGrid targets;
  std::size_t targets_count;
  std::size_t first;
  LossTerms terms = {};

  /// How many of the `count` rows count.
  std::size_t counting(std::size_t count) const noexcept {
    return targets_count <= first ? 0 : std::min(count, targets_count - first);
  }
};

/// `nats` plus the losses of the rows that count, added one after the other.
///   logits: (rows, V). Requires first + rows <= targets.count().
double cross_entropy_loss(double nats, ConstMatrix logits, const LossRows& rows) noexcept;

/// The factors of a row's gradient with terms beside the cross-entropy.
struct LossTermFactors {
  float probability;  ///< e_i times this
  float share;        ///< of the smoothing: less for every logit
  float target;       ///< less for the target

  LossTermFactors(const LossTerms& terms, float maximum, float sum, std::size_t V) noexcept;
};

/// The same sum; the logits are overwritten by its gradient. Rows that do not count become +0.
double cross_entropy_gradient(double nats, Matrix logits, const LossRows& rows) noexcept;

namespace plain {
double cross_entropy_loss(double nats, ConstMatrix logits, const LossRows& rows) noexcept;
double cross_entropy_gradient(double nats, Matrix logits, const LossRows& rows) noexcept;
}  // namespace plain

}  // namespace compute
