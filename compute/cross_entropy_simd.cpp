// The cross-entropy on vectors: two passes over a tile that is in the first or second cache, the second of them bound
// by the exponential; later one bound by memory, where the logits are many.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/cross_entropy_simd.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>

#include "compute/cross_entropy.hpp"
#include "compute/profile.hpp"
#include "compute/scalar_math.hpp"
#include "compute/simd_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// x becomes exp(x - maximum); the sum of these.
HWY_INLINE float Exponentials(Lanes16Tag d, float* x, std::size_t count, float maximum) {
  using V = hn::Vec<Lanes16Tag>;
  const V maxima = hn::Set(d, maximum);
  Sum16 sum(d);
  ForEachVectors(d, count, [&](std::size_t i, auto vectors, std::size_t slot, std::size_t lanes) HWY_ATTR {
    constexpr std::size_t N = decltype(vectors)::value;
    V exponentials[N];
    LoadVectors(d, x + i, lanes, exponentials);
    HWY_UNROLL(4)
    for (V& exponential : exponentials) exponential = hn::Sub(exponential, maxima);
    ExpsOfNonPositive(d, exponentials);
    if (N == 1 && lanes < hn::Lanes(d)) exponentials[0] = hn::IfThenElseZero(hn::FirstN(d, lanes), exponentials[0]);
    StoreVectors(exponentials, d, x + i, lanes);
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < N; ++v) sum.Add((slot + v) % lane_slots, exponentials[v]);
  });
  return sum.Fold(d);
}

/// The maxima of a few rows of a tile, then their exponentials: row after row, each would wait for its maximum.
///   whole: the tile has all its columns, and the loops no ends to look after.
template <bool whole>
void TileExponentials(const Matrix& logits, const LossSums& sums, std::size_t first_row, std::size_t last_row,
                      std::size_t first_column, std::size_t columns) {
  const Lanes16Tag d;
  const std::size_t count = whole ? loss_tile : columns;
  float* const x = logits.data + first_column;
  float* const maxima = sums.maxima.data + first_column / loss_tile;
  float* const tile_sums = sums.sums.data + first_column / loss_tile;
  for (std::size_t row = first_row; row < last_row; ++row)
    maxima[row * sums.maxima.stride] = MaxOf16(d, x + row * logits.stride, count);
  for (std::size_t row = first_row; row < last_row; ++row) {
    tile_sums[row * sums.sums.stride] =
        Exponentials(d, x + row * logits.stride, count, maxima[row * sums.maxima.stride]);
  }
}

void CrossEntropyExponentials(Matrix logits, const LossSums& sums, const ResultPiece& piece, const LossRows& rows) {
  constexpr std::size_t rows_together = 16;  // 8 KiB
  const std::size_t last_row = HWY_MIN(piece.first_row + piece.rows, rows.counting(logits.rows));
  const std::size_t last_column = piece.first_column + piece.columns;
  rows.targets.for_each(rows.first + piece.first_row, rows.first + last_row,
                        [&](std::size_t index, std::size_t target) {
                          const std::size_t row = index - rows.first;
                          if (target - piece.first_column < piece.columns)  // wraps where it lies before them
                            sums.targets[row] = logits.data[row * logits.stride + target];
                        });
  for (std::size_t column = piece.first_column; column < last_column; column += loss_tile) {
    for (std::size_t row = piece.first_row; row < last_row; row += rows_together) {
      const std::size_t next_row = HWY_MIN(row + rows_together, last_row);
      if (column + loss_tile <= last_column) {
        TileExponentials<true>(logits, sums, row, next_row, column, loss_tile);
      } else {
        TileExponentials<false>(logits, sums, row, next_row, column, last_column - column);
      }
    }
  }
}

double CrossEntropyLosses(double nats, const LossSums& sums, std::size_t V, const LossRows& rows) {
  const Lanes16Tag d;
  const std::size_t tiles = sums.maxima.columns;
  const std::size_t counting = rows.counting(sums.maxima.rows);
  for (std::size_t row = 0; row < counting; ++row) {
    float* const maxima = sums.maxima.data + row * sums.maxima.stride;
    const float* const tile_sums = sums.sums.data + row * sums.sums.stride;
    const float maximum = MaxOf16(d, maxima, tiles);
    const auto maximum_lanes = hn::Set(d, maximum);
    Sum16 lanes_sum(d);
    ForEachVector(d, tiles, [&](std::size_t i, std::size_t slot, std::size_t lanes) HWY_ATTR {
      auto weights = ExpOfNonPositive(d, hn::Sub(LoadPart(d, maxima + i, lanes), maximum_lanes));
      if (lanes < hn::Lanes(d)) weights = hn::IfThenElseZero(hn::FirstN(d, lanes), weights);
      StorePart(weights, d, maxima + i, lanes);
      lanes_sum.AddProduct(d, slot, LoadPart(d, tile_sums + i, lanes), weights);
    });
    const float sum = lanes_sum.Fold(d);
    nats += (static_cast<double>(maximum) - static_cast<double>(sums.targets[row])) + log(static_cast<double>(sum));
    const auto probability = hn::Set(d, LossFactors(rows.terms, maximum, sum, V).probability);
    ForEachVector(d, tiles, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
      StorePart(hn::Mul(LoadPart(d, maxima + i, lanes), probability), d, maxima + i, lanes);
    });
  }
  return nats;
}

void CrossEntropyGradient(Matrix out, const ConstMatrix& exponentials, std::size_t first_column, const LossSums& sums,
                          const LossRows& rows) {
  const Lanes16Tag d;
  const std::size_t counting = rows.counting(exponentials.rows);
  constexpr std::size_t rows_ahead = 4, line_floats = 16;
  const LossFactors f(rows.terms, 0, 1, exponentials.columns);  // of it what does not depend on the row
  const auto share = hn::Set(d, f.share);
  for (std::size_t row = 0; row < counting; ++row) {
    const float* const e = exponentials.data + row * exponentials.stride + first_column;
    float* const dx = out.data + row * out.stride;
    if (row + rows_ahead < counting) {
      for (std::size_t i = 0; i < out.columns; i += line_floats)
        hwy::Prefetch(e + rows_ahead * exponentials.stride + i);
    }
    const float* const factors = sums.maxima.data + row * sums.maxima.stride + first_column / loss_tile;
    for (std::size_t first = 0; first < out.columns; first += loss_tile) {
      const auto factor = hn::Set(d, factors[first / loss_tile]);
      const std::size_t count = HWY_MIN(loss_tile, out.columns - first);
      ForEachVector(d, count, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
        auto gradient = hn::Mul(LoadPart(d, e + first + i, lanes), factor);
        if (f.share != 0) gradient = hn::Sub(gradient, share);
        StorePart(gradient, d, dx + first + i, lanes);
      });
    }
    const std::size_t target = rows.targets.token(rows.first + row) - first_column;
    if (target < out.columns) dx[target] -= f.target;  // wraps where it lies before these columns
  }
  for (std::size_t row = counting; row < out.rows; ++row) std::fill_n(out.data + row * out.stride, out.columns, 0.0f);
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(CrossEntropyExponentials);
HWY_EXPORT(CrossEntropyLosses);
HWY_EXPORT(CrossEntropyGradient);

void cross_entropy_exponentials(Matrix logits, const LossSums& sums, const ResultPiece& piece,
                                const LossRows& rows) noexcept {
  assert(rows.first + logits.rows <= rows.targets.count() && piece.first_column % loss_tile == 0);
  const TimedOperation timed = timed_pass("exponentials", piece.rows * piece.columns, 2);
  HWY_DYNAMIC_DISPATCH(CrossEntropyExponentials)(logits, sums, piece, rows);
}

double cross_entropy_losses(double nats, const LossSums& sums, std::size_t V, const LossRows& rows) noexcept {
  const TimedOperation timed = timed_pass("losses", sums.maxima.rows * sums.maxima.columns, 3);
  return HWY_DYNAMIC_DISPATCH(CrossEntropyLosses)(nats, sums, V, rows);
}

void cross_entropy_gradient(Matrix out, ConstMatrix exponentials, std::size_t first_column, const LossSums& sums,
                            const LossRows& rows) noexcept {
  assert(out.rows == exponentials.rows && first_column % loss_tile == 0);
  const TimedOperation timed = timed_pass("cross-entropy gradient", out.rows * out.columns, 2);
  HWY_DYNAMIC_DISPATCH(CrossEntropyGradient)(out, exponentials, first_column, sums, rows);
}

}  // namespace compute
#endif
