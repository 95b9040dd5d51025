#include "compute/attention.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "compute/attention_head.hpp"
#include "compute/exp.hpp"
#include "compute/lanes.hpp"
#include "compute/product.hpp"

namespace compute::plain {

namespace {

/// Scores of the keys that a position sees become probabilities.
void softmax(std::span<float> row, float scale) {
  for (float& x : row) x *= scale;
  const float largest = max16(row);
  for (float& x : row) x = exp(x - largest);
  const float reciprocal = 1 / sum16(row);
  for (float& x : row) x *= reciprocal;
}

/// A sum of -0 becomes +0.
void add_zero(Matrix row) {
  for (std::size_t c = 0; c < row.columns; ++c) row.data[c] += 0.0f;
}

/// Gradients of the probabilities of a row become gradients of the products q k.
void score_gradients(std::span<float> row, const float* probabilities, float scale) {
  Sum16 sum;
  for (std::size_t j = 0; j < row.size(); ++j) sum.add_product(j, probabilities[j], row[j]);
  const float delta = sum.fold();
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = (probabilities[j] * (row[j] - delta)) * scale;
}

/// out = the product over t in [j, T) of column j of the square `weights` and `rows`, blocks cut at absolute multiples.
void sum_over_later_positions(Matrix out, const float* weights, ConstMatrix rows, std::size_t j) {
  const std::size_t T = rows.rows;
  for (std::size_t t = j; t < T;) {
    const std::size_t end = std::min(T, (t / product_block + 1) * product_block);
    const ConstMatrix column{weights + t * T + j, end - t, 1, T};
    const ConstMatrix part{rows.data + t * rows.stride, end - t, rows.columns, rows.stride};
    if (t == j) {
      multiply(out, column, As::transposed, part, As::stored, nullptr);
    } else {
      multiply_add(out, column, As::transposed, part, As::stored);
    }
    t = end;
  }
}

}  // namespace

void attention_forward(float* out, float* probabilities, const float* qkv, const AttentionShape& shape) noexcept {
  const float scale = attention_scale(shape);
  for (std::size_t b = 0; b < shape.B; ++b) {
    for (std::size_t h = 0; h < shape.H; ++h) {
      const AttentionHead head(shape, b, h);
      for (std::size_t t = 0; t < shape.T; ++t) {
        float* row = head.square(probabilities) + t * shape.T;
        multiply(dense(row, 1, t + 1), head.part(qkv, 0, t, 1), As::stored, head.part(qkv, 1, 0, t + 1), As::transposed,
                 nullptr);
        softmax({row, t + 1}, scale);
        std::fill(row + t + 1, row + shape.T, 0.0f);
        const Matrix sum = head.output(out, t, 1);
        multiply(sum, dense(row, 1, t + 1), As::stored, head.part(qkv, 2, 0, t + 1), As::stored, nullptr);
        add_zero(sum);
      }
    }
  }
}

void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* probabilities,
                        const AttentionShape& shape) {
  const float scale = attention_scale(shape);
  const std::size_t T = shape.T;
  std::vector<float> gradients(T * T);  // of the scores, of one head
  for (std::size_t b = 0; b < shape.B; ++b) {
    for (std::size_t h = 0; h < shape.H; ++h) {
      const AttentionHead head(shape, b, h);
      const float* p = head.square(probabilities);
      for (std::size_t t = 0; t < T; ++t) {
        float* row = gradients.data() + t * T;
        multiply(dense(row, 1, t + 1), head.output(dout, t, 1), As::stored, head.part(qkv, 2, 0, t + 1), As::transposed,
                 nullptr);
        score_gradients({row, t + 1}, p + t * T, scale);
        const Matrix dq = head.part(dqkv, 0, t, 1);
        multiply(dq, dense(row, 1, t + 1), As::stored, head.part(qkv, 1, 0, t + 1), As::stored, nullptr);
        add_zero(dq);
      }
      for (std::size_t j = 0; j < T; ++j) {
        sum_over_later_positions(head.part(dqkv, 1, j, 1), gradients.data(), head.part(qkv, 0, 0, T), j);
        sum_over_later_positions(head.part(dqkv, 2, j, 1), p, head.output(dout, 0, T), j);
      }
    }
  }
}

}  // namespace compute::plain
