#pragma once

// The cross-entropy of rows of logits against target ids, and its gradient, piece by piece of the vocabulary: the
// exponentials are taken where a product has just left the logits, and the gradient is formed where the next product
// reads it, so that logits larger than the caches cross memory three times and not six.
//
// The arithmetic per row, f32 where nothing is said, over tiles t of loss_tile columns:
//   m_t      = the tile's maximum
//   e_i      = exp(x_i - m_t)                     compute/exp.hpp
//   s_t      = sum16(e of the tile)               16 virtual lanes, compute/lanes.hpp
//   m        = the largest m_t
//   w_t      = exp(m_t - m)
//   sum      = sum16 of the products s_t w_t, fused
//   loss     = (m - x_target) + log(sum)          in double, compute/scalar_math.hpp
//   dx_i     = e_i * (w_t * (1 / sum)), and less 1 for the target
// With label smoothing or a loss on the partition function (compute/objective.hpp) the losses stay what they are, so
// that they can be compared; the gradient becomes
//   log_z    = f32(m + log(sum))                  in double
//   f        = (1 / sum) * (1 + (2 * z_loss) * log_z)
//   dx_i     = e_i * (w_t * f) - f32(label_smoothing / V), and less f32(1 - label_smoothing) for the target
// The rows' losses are added in double, in order. A micro-batch's rows may come in several calls, each going on from
// the sum that the last one returned.

#include <algorithm>
#include <cstddef>

#include "compute/matrix.hpp"
#include "compute/objective.hpp"
#include "compute/product.hpp"
#include "compute/token_grid.hpp"

namespace compute {

/// Columns of logits whose exponentials are taken against one maximum; part of the arithmetic's version.
inline constexpr std::size_t loss_tile = 128;
static_assert(epilogue_columns % loss_tile == 0);

inline std::size_t loss_tiles_count(std::size_t V) noexcept {
  return (V + loss_tile - 1) / loss_tile;
}

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

/// What is known of rows of logits while exponentials stand in their place.
struct LossSums {
  Matrix maxima;   ///< (rows, tiles) m_t; after the losses what e_i is multiplied by
  Matrix sums;     ///< (rows, tiles) s_t
  float* targets;  ///< (rows) x_target

  /// Floats of these for so many rows.
  static std::size_t floats(std::size_t rows, std::size_t V) noexcept { return rows * (2 * loss_tiles_count(V) + 1); }
  /// In `memory`, that many floats.
  static LossSums in(float* memory, std::size_t rows, std::size_t V) noexcept {
    const std::size_t tiles = loss_tiles_count(V);
    return {dense(memory, rows, tiles), dense(memory + rows * tiles, rows, tiles), memory + 2 * rows * tiles};
  }
};

/// Overwrites a piece of the logits, whole tiles, by the exponentials and keeps their sums. Rows that do not count
/// stay.
///   logits: (rows, V). Requires first + rows <= targets.count().
void cross_entropy_exponentials(Matrix logits, const LossSums& sums, const ResultPiece& piece,
                                const LossRows& rows) noexcept;

/// When all pieces are done: `nats` plus the losses of the rows that count, added one after the other; the tiles'
/// maxima become the factors of their gradients. sums.maxima has as many rows as the logits.
double cross_entropy_losses(double nats, const LossSums& sums, std::size_t V, const LossRows& rows) noexcept;

/// After the losses: the gradient of columns [first_column, first_column + out.columns), whole tiles, from their
/// exponentials. Rows that do not count become +0.
///   exponentials: (rows, V).
void cross_entropy_gradient(Matrix out, ConstMatrix exponentials, std::size_t first_column, const LossSums& sums,
                            const LossRows& rows) noexcept;

/// The factors of a row's gradient.
struct LossFactors {
  float probability;  ///< e_i w_t times this
  float share;        ///< of the smoothing: less for every logit
  float target;       ///< less for the target

  LossFactors(const LossTerms& terms, float maximum, float sum, std::size_t V) noexcept;
};

namespace plain {
/// The definitions, of whole rows of logits: the losses, and the gradient in their place.
double cross_entropy_loss(double nats, ConstMatrix logits, const LossRows& rows) noexcept;
double cross_entropy_gradient(double nats, Matrix logits, const LossRows& rows) noexcept;
}  // namespace plain

}  // namespace compute
