#include "compute/muon.hpp"

#include <cassert>
#include <cmath>
#include <vector>

#include "compute/adamw.hpp"
#include "compute/muon_factors.hpp"
#include "compute/product.hpp"

namespace compute::plain {

namespace {

/// X becomes one with singular values near 1 and the same directions.
void orthogonalize(Matrix x) {
  const bool tall = x.rows > x.columns;
  const std::size_t side = tall ? x.columns : x.rows;
  std::vector<float> square_floats(side * side), mixed_floats(side * side), product_floats(x.rows * x.columns);
  const Matrix square = dense(square_floats.data(), side, side), mixed = dense(mixed_floats.data(), side, side);
  const Matrix product = dense(product_floats.data(), x.rows, x.columns);
  for (int round = 0; round < newton_schulz_rounds; ++round) {
    multiply(square, x, tall ? As::transposed : As::stored, x, tall ? As::stored : As::transposed, nullptr);
    multiply(mixed, square, As::stored, square, As::stored, nullptr);
    for (std::size_t i = 0; i < side * side; ++i)
      mixed_floats[i] = std::fma(newton_schulz_c, mixed_floats[i], newton_schulz_b * square_floats[i]);
    if (tall) {
      multiply(product, x, As::stored, mixed, As::stored, nullptr);
    } else {
      multiply(product, mixed, As::stored, x, As::stored, nullptr);
    }
    for (std::size_t i = 0; i < product_floats.size(); ++i)
      x.data[i] = std::fma(newton_schulz_a, x.data[i], product_floats[i]);
  }
}

}  // namespace

void muon_update(Matrix weights, Matrix momentum, ConstMatrix gradient, std::size_t outputs, const MuonStep& step) {
  const std::size_t rows = weights.rows, columns = weights.columns;
  const MuonFactors f = muon_factors(step, rows, columns, outputs);
  std::vector<float> x(rows * columns);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const float g = (gradient.data[i * gradient.stride + j] * f.gradient_scale) * f.clip;
      float& m = momentum.data[i * momentum.stride + j];
      m = std::fma(f.one_minus_momentum, g - m, m);
      x[i * columns + j] = std::fma(f.momentum, m - g, g);
    }
  }
  std::vector<double> sums((x.size() + norm_block - 1) / norm_block);
  square_sums(sums, x, 1);
  const float normalizer = muon_normalizer(sums);
  for (float& value : x) value *= normalizer;
  orthogonalize(dense(x.data(), rows, columns));
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      float& w = weights.data[i * weights.stride + j];
      w = std::fma(-f.rate, x[i * columns + j], w * f.keep);
    }
  }
}

}  // namespace compute::plain
