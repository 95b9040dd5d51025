#include "compute/attention.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "compute/attention_head.hpp"
#include "compute/documents.hpp"
#include "compute/exp.hpp"
#include "compute/lanes.hpp"
#include "compute/product.hpp"

namespace compute::plain {

namespace {

/// Scores of the keys that a position sees, from `begin` to the row's end, become probabilities; those before, zero.
void softmax(std::span<float> row, std::size_t begin, float scale) {
  const std::span<float> seen = row.subspan(begin);
  std::fill_n(row.data(), begin, -std::numeric_limits<float>::infinity());
  for (float& x : seen) x *= scale;
  const float largest = max16(row);
  std::fill_n(row.data(), begin, 0.0f);
  for (float& x : seen) x = exp(x - largest);
  const float reciprocal = 1 / sum16(row);
  for (float& x : seen) x *= reciprocal;
}

/// A sum of -0 becomes +0.
void add_zero(Matrix row) {
  for (std::size_t c = 0; c < row.columns; ++c) row.data[c] += 0.0f;
}

/// Gradients of the probabilities of a row, from `begin` on, become gradients of the products q k.
void score_gradients(std::span<float> row, const float* probabilities, std::size_t begin, float scale) {
  Sum16 sum;
  for (std::size_t j = begin; j < row.size(); ++j) sum.add_product(j, probabilities[j], row[j]);
  const float delta = sum.fold();
  for (std::size_t j = begin; j < row.size(); ++j) row[j] = (probabilities[j] * (row[j] - delta)) * scale;
}

/// out = the product over i in [begin, end) of weights[i * stride] and row i, blocks cut at absolute multiples. With
/// `added`, out = out + that.
void weighted_sum(Matrix out, const float* weights, std::size_t stride, ConstMatrix rows, std::size_t begin,
                  std::size_t end, bool added = false) {
  for (std::size_t i = begin; i < end;) {
    const std::size_t next = std::min(end, (i / product_block + 1) * product_block);
    const ConstMatrix column{weights + i * stride, next - i, 1, stride};
    const ConstMatrix part{rows.data + i * rows.stride, next - i, rows.columns, rows.stride};
    if (i == begin && !added) {
      multiply(out, column, As::transposed, part, As::stored, nullptr);
    } else {
      multiply_add(out, column, As::transposed, part, As::stored);
    }
    i = next;
  }
}

/// Where the documents begin in row b.
const std::uint32_t* firsts_of(const std::uint32_t* first, std::size_t b, std::size_t T) {
  return first == nullptr ? nullptr : first + b * T;
}

/// Where position t's document begins.
std::size_t begin_of(const std::uint32_t* firsts, std::size_t t) {
  return firsts == nullptr ? 0 : firsts[t];
}

}  // namespace

void attention_forward(float* out, float* probabilities, const float* qkv, const AttentionShape& shape,
                       const std::uint32_t* first) noexcept {
  const float scale = attention_scale(shape);
  const std::size_t T = shape.T;
  for (std::size_t b = 0; b < shape.B; ++b) {
    for (std::size_t h = 0; h < shape.H; ++h) {
      const AttentionHead head(shape, b, h);
      for (std::size_t t = 0; t < T; ++t) {
        const std::size_t begin = begin_of(firsts_of(first, b, T), t), count = t + 1 - begin;
        float* row = head.square(probabilities) + t * T;
        multiply(dense(row + begin, 1, count), head.part(qkv, 0, t, 1), As::stored, head.part(qkv, 1, begin, count),
                 As::transposed, nullptr);
        softmax({row, t + 1}, begin, scale);
        std::fill(row + t + 1, row + T, 0.0f);
        const Matrix sum = head.output(out, t, 1);
        weighted_sum(sum, row, 1, head.part(qkv, 2, 0, T), begin, t + 1);
        add_zero(sum);
      }
    }
  }
}

void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* probabilities,
                        const AttentionShape& shape, const std::uint32_t* first) {
  const float scale = attention_scale(shape);
  const std::size_t T = shape.T;
  std::vector<float> gradients(T * T);  // of the scores, of one head
  for (std::size_t b = 0; b < shape.B; ++b) {
    const std::uint32_t* firsts = firsts_of(first, b, T);
    for (std::size_t h = 0; h < shape.H; ++h) {
      const AttentionHead head(shape, b, h);
      const float* p = head.square(probabilities);
      for (std::size_t t = 0; t < T; ++t) {
        const std::size_t begin = begin_of(firsts, t), count = t + 1 - begin;
        float* row = gradients.data() + t * T;
        multiply(dense(row + begin, 1, count), head.output(dout, t, 1), As::stored, head.part(qkv, 2, begin, count),
                 As::transposed, nullptr);
        score_gradients({row, t + 1}, p + t * T, begin, scale);
        const Matrix dq = head.part(dqkv, 0, t, 1);
        weighted_sum(dq, row, 1, head.part(qkv, 1, 0, T), begin, t + 1);
        add_zero(dq);
      }
      for (std::size_t j = 0; j < T; ++j) {
        const std::size_t end = document_end(firsts, begin_of(firsts, j), T);
        weighted_sum(head.part(dqkv, 1, j, 1), gradients.data() + j, T, head.part(qkv, 0, 0, T), j, end,
                     !head.first_of_group);
        weighted_sum(head.part(dqkv, 2, j, 1), p + j, T, head.output(dout, 0, T), j, end, !head.first_of_group);
      }
    }
  }
}

}  // namespace compute::plain
