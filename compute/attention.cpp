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

/// row[begin..t] = the scores of the keys that position t = row.size() - 1 sees.
void scores(std::span<float> row, const AttentionHead& head, const float* qkv, std::size_t begin, float scale) {
  const std::size_t count = row.size() - begin;
  multiply(dense(row.data() + begin, 1, count), head.part(qkv, 0, row.size() - 1, 1), As::stored,
           head.part(qkv, 1, begin, count), As::transposed, nullptr);
  for (float& x : row.subspan(begin)) x *= scale;
}

/// The largest of the scores from `begin` on.
float maximum(std::span<float> row, std::size_t begin) {
  std::fill_n(row.data(), begin, -std::numeric_limits<float>::infinity());
  return max16(row);
}

/// Scores from `begin` on become their exponentials; those before, zero.
void exponentials(std::span<float> row, std::size_t begin, float largest) {
  std::fill_n(row.data(), begin, 0.0f);
  for (float& x : row.subspan(begin)) x = exp(x - largest);
}

void multiply_by(std::span<float> row, float factor) {
  for (float& x : row) x *= factor;
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

void attention_forward(float* out, float* statistics, const float* qkv, const AttentionShape& shape,
                       const std::uint32_t* first) {
  const float scale = attention_scale(shape);
  const std::size_t T = shape.T;
  std::vector<float> probabilities(T);  // of one position
  for (std::size_t b = 0; b < shape.B; ++b) {
    for (std::size_t h = 0; h < shape.H; ++h) {
      const AttentionHead head(shape, b, h);
      for (std::size_t t = 0; t < T; ++t) {
        const std::size_t begin = begin_of(firsts_of(first, b, T), t);
        const std::span row(probabilities.data(), t + 1);
        float &largest = head.maxima(statistics)[t], &factor = head.factors(statistics)[t];
        scores(row, head, qkv, begin, scale);
        largest = maximum(row, begin);
        exponentials(row, begin, largest);
        factor = 1 / sum16(row);
        multiply_by(row.subspan(begin), factor);
        const Matrix sum = head.output(out, t, 1);
        weighted_sum(sum, row.data(), 1, head.part(qkv, 2, 0, T), begin, t + 1);
        add_zero(sum);
      }
    }
  }
}

void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* statistics,
                        const AttentionShape& shape, const std::uint32_t* first) {
  const float scale = attention_scale(shape);
  const std::size_t T = shape.T;
  std::vector<float> probabilities(T * T), gradients(T * T);  // of one head; of the scores
  for (std::size_t b = 0; b < shape.B; ++b) {
    const std::uint32_t* firsts = firsts_of(first, b, T);
    for (std::size_t h = 0; h < shape.H; ++h) {
      const AttentionHead head(shape, b, h);
      for (std::size_t t = 0; t < T; ++t) {
        const std::size_t begin = begin_of(firsts, t), count = t + 1 - begin;
        const std::span p(probabilities.data() + t * T, t + 1);
        scores(p, head, qkv, begin, scale);
        exponentials(p, begin, head.maxima(statistics)[t]);
        multiply_by(p.subspan(begin), head.factors(statistics)[t]);
        float* row = gradients.data() + t * T;
        multiply(dense(row + begin, 1, count), head.output(dout, t, 1), As::stored, head.part(qkv, 2, begin, count),
                 As::transposed, nullptr);
        score_gradients({row, t + 1}, p.data(), begin, scale);
        const Matrix dq = head.part(dqkv, 0, t, 1);
        weighted_sum(dq, row, 1, head.part(qkv, 1, 0, T), begin, t + 1);
        add_zero(dq);
      }
      for (std::size_t j = 0; j < T; ++j) {
        const std::size_t end = document_end(firsts, begin_of(firsts, j), T);
        weighted_sum(head.part(dqkv, 1, j, 1), gradients.data() + j, T, head.part(qkv, 0, 0, T), j, end,
                     !head.first_of_group);
        weighted_sum(head.part(dqkv, 2, j, 1), probabilities.data() + j, T, head.output(dout, 0, T), j, end,
                     !head.first_of_group);
      }
    }
  }
}

}  // namespace compute::plain
