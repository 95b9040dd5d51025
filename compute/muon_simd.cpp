// Muon with vectors: products by compute/product.hpp, and four elementwise passes. For a matrix with sides s <= l a
// round takes 4 s^2 l + 2 s^3 flops, 1.2 to 1.5 s^2 of them saved by symmetry; the passes move 12 bytes a float.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/muon_simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>
#include <span>

#include "compute/adamw.hpp"
#include "compute/muon.hpp"
#include "compute/muon_factors.hpp"
#include "compute/product.hpp"
#include "compute/profile.hpp"
#include "compute/simd_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// The momentum and the look ahead of one row.
void LookAhead(float* ahead, float* momentum, const float* gradient, std::size_t count, const MuonFactors& f) {
  const Lanes16Tag d;
  ForEachVector(d, count, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
    const auto scaled = hn::Mul(LoadPart(d, gradient + i, lanes), hn::Set(d, f.gradient_scale));
    const auto g = hn::Mul(scaled, hn::Set(d, f.clip));
    const auto before = LoadPart(d, momentum + i, lanes);
    const auto m = Fma(d, hn::Set(d, f.one_minus_momentum), hn::Sub(g, before), before);
    StorePart(m, d, momentum + i, lanes);
    StorePart(Fma(d, hn::Set(d, f.momentum), hn::Sub(m, g), g), d, ahead + i, lanes);
  });
}

/// x = x * factor.
void Scale(float* x, std::size_t count, float factor) {
  const Lanes16Tag d;
  ForEachVector(d, count, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
    StorePart(hn::Mul(LoadPart(d, x + i, lanes), hn::Set(d, factor)), d, x + i, lanes);
  });
}

/// out = fma(a, x, y), or with y_factor fma(a, x, y_factor * y).
template <bool with_factor>
void Combine(float* out, float a, const float* x, float y_factor, const float* y, std::size_t count) {
  const Lanes16Tag d;
  ForEachVector(d, count, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
    auto addend = LoadPart(d, y + i, lanes);
    if constexpr (with_factor) addend = hn::Mul(hn::Set(d, y_factor), addend);
    StorePart(Fma(d, hn::Set(d, a), LoadPart(d, x + i, lanes), addend), d, out + i, lanes);
  });
}
void MixSquares(float* mixed, const float* square, std::size_t count) {
  Combine<true>(mixed, newton_schulz_c, mixed, newton_schulz_b, square, count);
}
void MixProduct(float* x, const float* product, std::size_t count) {
  Combine<false>(x, newton_schulz_a, x, 0, product, count);
}

/// One row of weights.
void Step(float* weights, const float* direction, std::size_t count, const MuonFactors& f) {
  const Lanes16Tag d;
  ForEachVector(d, count, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
    const auto kept = hn::Mul(LoadPart(d, weights + i, lanes), hn::Set(d, f.keep));
    StorePart(Fma(d, hn::Set(d, -f.rate), LoadPart(d, direction + i, lanes), kept), d, weights + i, lanes);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(LookAhead);
HWY_EXPORT(Scale);
HWY_EXPORT(MixSquares);
HWY_EXPORT(MixProduct);
HWY_EXPORT(Step);

namespace {

/// Rows of a symmetric product computed at a time, from their diagonal block on.
constexpr std::size_t symmetric_rows = 128;

std::size_t aligned(std::size_t floats) noexcept {
  return (floats + 15) / 16 * 16;
}

/// The parts of the caller's scratch.
struct Scratch {
  Scratch(float* all, std::size_t rows, std::size_t columns)
      : x(all),
        product(x + aligned(rows * columns)),
        square(product + aligned(rows * columns)),
        mixed(square + aligned(std::min(rows, columns) * std::min(rows, columns))),
        packing(mixed + aligned(std::min(rows, columns) * std::min(rows, columns))) {}
  float *x, *product, *square, *mixed, *packing;
};

/// The lower half from the upper one, a block at a time so that the columns read stay in the first cache.
void mirror(Matrix square) {
  constexpr std::size_t block = 32;
  for (std::size_t i0 = 0; i0 < square.rows; i0 += block) {
    for (std::size_t j0 = 0; j0 <= i0; j0 += block) {
      for (std::size_t i = i0; i < std::min(i0 + block, square.rows); ++i) {
        for (std::size_t j = j0; j < std::min(j0 + block, i); ++j)
          square.data[i * square.stride + j] = square.data[j * square.stride + i];
      }
    }
  }
}

/// out = op(x) op(x)^T, which is symmetric to the bit; op(x) is x or its transpose.
void multiply_by_itself(Matrix out, ConstMatrix x, As as, float* packing) {
  for (std::size_t i = 0; i < out.rows; i += symmetric_rows) {
    const std::size_t rows = std::min(symmetric_rows, out.rows - i), rest = out.rows - i;
    const Matrix part{out.data + i * out.stride + i, rows, rest, out.stride};
    if (as == As::stored) {
      multiply(part, {x.data + i * x.stride, rows, x.columns, x.stride}, As::stored,
               {x.data + i * x.stride, rest, x.columns, x.stride}, As::transposed, nullptr, packing);
    } else {
      multiply(part, {x.data + i, x.rows, rows, x.stride}, As::transposed, {x.data + i, x.rows, rest, x.stride},
               As::stored, nullptr, packing);
    }
  }
  mirror(out);
}

void orthogonalize(Matrix x, const Scratch& scratch) {
  const bool tall = x.rows > x.columns;
  const std::size_t side = tall ? x.columns : x.rows;
  const Matrix square = dense(scratch.square, side, side), mixed = dense(scratch.mixed, side, side);
  const Matrix product = dense(scratch.product, x.rows, x.columns);
  for (int round = 0; round < newton_schulz_rounds; ++round) {
    multiply_by_itself(square, x, tall ? As::transposed : As::stored, scratch.packing);
    multiply_by_itself(mixed, square, As::stored, scratch.packing);
    HWY_DYNAMIC_DISPATCH(MixSquares)(mixed.data, square.data, side * side);
    if (tall) {
      multiply(product, x, As::stored, mixed, As::stored, nullptr, scratch.packing);
    } else {
      multiply(product, mixed, As::stored, x, As::stored, nullptr, scratch.packing);
    }
    HWY_DYNAMIC_DISPATCH(MixProduct)(x.data, product.data, x.rows * x.columns);
  }
}

/// The factor that brings the Frobenius norm to one.
float normalizer_of(std::span<const float> x) noexcept {
  constexpr std::size_t sums_max = 64;  // so many blocks' sums at a time; they add up in order
  double sums[sums_max], total = 0;
  for (std::size_t first = 0; first < x.size(); first += sums_max * norm_block) {
    const std::span<const float> part = x.subspan(first, std::min(sums_max * norm_block, x.size() - first));
    const std::span<double> found(sums, (part.size() + norm_block - 1) / norm_block);
    square_sums(found, part, 1);
    for (const double sum : found) total += sum;
  }
  return muon_normalizer({&total, 1});
}

}  // namespace

std::size_t muon_scratch_floats(std::size_t rows, std::size_t columns) noexcept {
  const std::size_t side = std::min(rows, columns);
  return 2 * aligned(rows * columns) + 2 * aligned(side * side) + product_scratch_floats;
}

void muon_update(Matrix weights, Matrix momentum, ConstMatrix gradient, std::size_t outputs, const MuonStep& step,
                 float* scratch_floats) noexcept {
  assert(momentum.rows == weights.rows && momentum.columns == weights.columns);
  assert(gradient.rows == weights.rows && gradient.columns == weights.columns);
  assert(outputs == weights.rows || outputs == weights.columns);
  const std::size_t rows = weights.rows, columns = weights.columns;
  const auto long_side = static_cast<double>(std::max(rows, columns));
  const auto short_side = static_cast<double>(std::min(rows, columns));
  const TimedOperation timed({"muon", rows, columns, 0},
                             newton_schulz_rounds * short_side * short_side * (4 * long_side + 2 * short_side),
                             4 * long_side * short_side * (6 + 10 * newton_schulz_rounds));
  const MuonFactors f = muon_factors(step, rows, columns, outputs);
  const Scratch scratch(scratch_floats, rows, columns);
  for (std::size_t i = 0; i < rows; ++i) {
    HWY_DYNAMIC_DISPATCH(LookAhead)
    (scratch.x + i * columns, momentum.data + i * momentum.stride, gradient.data + i * gradient.stride, columns, f);
  }
  HWY_DYNAMIC_DISPATCH(Scale)(scratch.x, rows * columns, normalizer_of({scratch.x, rows * columns}));
  orthogonalize(dense(scratch.x, rows, columns), scratch);
  for (std::size_t i = 0; i < rows; ++i)
    HWY_DYNAMIC_DISPATCH(Step)(weights.data + i * weights.stride, scratch.x + i * columns, columns, f);
}

}  // namespace compute
#endif
