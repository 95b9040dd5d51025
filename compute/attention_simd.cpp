// Attention with vectors: products on tiles of 64 rows (compute/product_simd.cpp) and the rows between them. Same bits
// as compute/attention.cpp.
//
// A head of T positions takes 4 T^2 D flops forward and 10 T^2 D backward without the mask; tiles of 64 rows skip the
// keys that none of their rows sees: 62 % of it is left at T = 256, 52 % at T = 2,048. The rows' own work, softmax and
// its gradient, is T^2 / 2 elements of about 25 and 6 instructions a vector.
//
// Documents are worked on one by one, each as a row of its own. Six heads of 64 channels, T = 256, AVX-512, forward and
// backward: 2.03 ms without borders, 0.69 ms with documents of 32 tokens on average, 0.39 of 8, 0.60 of 2, 1.11 of 1,
// where it is the products' calls that cost. Four heads of 16 channels, T = 128: 0.126, 0.054 with 8, 0.206 with 1.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/attention_simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>

#include "compute/attention.hpp"
#include "compute/attention_head.hpp"
#include "compute/attention_rows-inl.hpp"
#include "compute/documents.hpp"
#include "compute/product.hpp"
#include "compute/profile.hpp"

#if HWY_ONCE

namespace compute {

HWY_EXPORT(SoftmaxRows);
HWY_EXPORT(ScoreGradientRows);

namespace {

/// Rows of one product; keys that none of them sees are skipped. Divides product_block, so that tiles end with blocks.
constexpr std::size_t tile_rows = 64;
static_assert(product_block % tile_rows == 0);

/// The parts of the caller's scratch.
struct Scratch {
  Scratch(float* all, const AttentionShape& shape)
      : product(all), zeros(all + product_scratch_floats), rows(zeros + shape.C / shape.H) {
    std::fill(zeros, rows, 0.0f);
  }
  float* product;
  float* zeros;  ///< D of them, the bias that turns -0 into +0
  float* rows;   ///< min(T, product_block) rows of T floats
};

/// What begins at i ends here, at the latest at `last`: a tile, and no tile crosses the end of a block.
std::size_t tile_end(std::size_t i, std::size_t last) noexcept {
  return std::min({i + tile_rows, (i / product_block + 1) * product_block, last});
}

/// out = weights rows + (+0): the chains over keys from `begin` on, blocks cut at absolute multiples.
void sum_over_keys(Matrix out, ConstMatrix weights, ConstMatrix rows, std::size_t begin, const Scratch& scratch) {
  const std::size_t keys = rows.rows, rest_of_block = product_block - begin % product_block;
  if (begin % product_block == 0 || keys <= rest_of_block) {
    multiply(out, weights, As::stored, rows, As::stored, scratch.zeros, scratch.product);
    return;
  }
  // A sum is -0 only if all of its terms are: +0 added to the first of them is as good as added at the end.
  multiply(out, {weights.data, weights.rows, rest_of_block, weights.stride}, As::stored,
           {rows.data, rest_of_block, rows.columns, rows.stride}, As::stored, scratch.zeros, scratch.product);
  multiply_add(out, {weights.data + rest_of_block, weights.rows, keys - rest_of_block, weights.stride}, As::stored,
               {rows.data + rest_of_block * rows.stride, keys - rest_of_block, rows.columns, rows.stride}, As::stored,
               scratch.product);
}

/// Positions [first, last), at most a tile, of the document that begins at `begin`: their rows of probabilities
/// (stride T) and of the output.
void forward_tile(float* out, float* rows, const float* qkv, const AttentionHead& head, float scale, std::size_t begin,
                  std::size_t first, std::size_t last, const Scratch& scratch) {
  const std::size_t count = last - first, keys = last - begin;
  const Matrix p{rows + begin, count, keys, head.T};
  multiply(p, head.part(qkv, 0, first, count), As::stored, head.part(qkv, 1, begin, keys), As::transposed, nullptr,
           scratch.product);
  HWY_DYNAMIC_DISPATCH(SoftmaxRows)(rows, head.T, begin, first, last, scale);
  sum_over_keys(head.output(out, first, count), p, head.part(qkv, 2, begin, keys), begin, scratch);
}

/// Positions [first, last), at most a tile, of the document that begins at `begin`: their rows of score gradients
/// (stride T) and of dq.
void backward_tile(float* dqkv, float* rows, const float* dout, const float* qkv, const float* probabilities,
                   const AttentionHead& head, float scale, std::size_t begin, std::size_t first, std::size_t last,
                   const Scratch& scratch) {
  const std::size_t count = last - first, keys = last - begin;
  const Matrix ds{rows + begin, count, keys, head.T};
  multiply(ds, head.output(dout, first, count), As::stored, head.part(qkv, 2, begin, keys), As::transposed, nullptr,
           scratch.product);
  HWY_DYNAMIC_DISPATCH(ScoreGradientRows)(rows, head.square(probabilities), head.T, begin, first, last, scale);
  sum_over_keys(head.part(dqkv, 0, first, count), ds, head.part(qkv, 1, begin, keys), begin, scratch);
}

/// Adds what positions [first, last), one block of t, give to `which` (k or v) of the keys from `begin` on.
///   weights: row t - first holds the weights of position t, stride T. rows(from, count): what they weigh.
template <class Rows>
void add_to_keys(float* dqkv, std::size_t which, const float* weights, const Rows& rows, const AttentionHead& head,
                 std::size_t begin, std::size_t first, std::size_t last, const Scratch& scratch) {
  for (std::size_t j = begin, end; j < last; j = end) {
    end = tile_end(j, last);
    const std::size_t keys = end - j, from = std::max(first, j);
    const Matrix out = head.part(dqkv, which, j, keys);
    const ConstMatrix a{weights + (from - first) * head.T + j, last - from, keys, head.T};
    if (j >= first) {
      multiply(out, a, As::transposed, rows(from, last - from), As::stored, nullptr, scratch.product);
    } else {
      multiply_add(out, a, As::transposed, rows(from, last - from), As::stored, scratch.product);
    }
  }
}

/// One document of one head: positions [begin, end).
void backward_document(float* dqkv, const float* dout, const float* qkv, const float* probabilities,
                       const AttentionHead& head, float scale, std::size_t begin, std::size_t end,
                       const Scratch& scratch) {
  const std::size_t T = head.T;
  for (std::size_t first = begin, last; first < end; first = last) {
    last = std::min((first / product_block + 1) * product_block, end);
    for (std::size_t t = first, next; t < last; t = next) {
      next = tile_end(t, last);
      backward_tile(dqkv, scratch.rows + (t - first) * T, dout, qkv, probabilities, head, scale, begin, t, next,
                    scratch);
    }
    add_to_keys(
        dqkv, 1, scratch.rows, [&](std::size_t t, std::size_t count) { return head.part(qkv, 0, t, count); }, head,
        begin, first, last, scratch);
    add_to_keys(
        dqkv, 2, head.square(probabilities) + first * T,
        [&](std::size_t t, std::size_t count) { return head.output(dout, t, count); }, head, begin, first, last,
        scratch);
  }
}

/// Calls visit(head, begin, end) for each document of each head of each sequence.
template <class Visit>
void for_each_document(const AttentionShape& shape, const std::uint32_t* first, const Visit& visit) {
  assert(shape.H > 0 && shape.C % shape.H == 0);
  for (std::size_t b = 0; b < shape.B; ++b) {
    const std::uint32_t* firsts = first == nullptr ? nullptr : first + b * shape.T;
    for (std::size_t h = 0; h < shape.H; ++h) {
      const AttentionHead head(shape, b, h);
      for (std::size_t begin = 0, end; begin < shape.T; begin = end) {
        end = document_end(firsts, begin, shape.T);
        visit(head, begin, end);
      }
    }
  }
}

/// Flops of `products` causal products over all heads, and bytes of qkv, out and the kept half of the probabilities.
TimedOperation timed_attention(const char* name, const AttentionShape& shape, double products, double rows_moved) {
  const double B = static_cast<double>(shape.B), T = static_cast<double>(shape.T), C = static_cast<double>(shape.C);
  const double probabilities = B * static_cast<double>(shape.H) * T * T / 2;
  return {{name, shape.T, shape.C / shape.H, shape.H},
          products * B * T * T * C,
          4 * (B * T * C * rows_moved + probabilities)};
}

}  // namespace

std::size_t attention_scratch_floats(const AttentionShape& shape) noexcept {
  return shape.C / shape.H + std::min(shape.T, product_block) * shape.T;
}

void attention_forward(float* out, float* probabilities, const float* qkv, const AttentionShape& shape,
                       float* scratch_floats, const std::uint32_t* first) noexcept {
  const TimedOperation timed = timed_attention("attention forward", shape, 2, 4);
  const Scratch scratch(scratch_floats, shape);
  const float scale = attention_scale(shape);
  for_each_document(shape, first, [&](const AttentionHead& head, std::size_t begin, std::size_t end) {
    for (std::size_t t = begin, next; t < end; t = next) {
      next = tile_end(t, end);
      forward_tile(out, head.square(probabilities) + t * shape.T, qkv, head, scale, begin, t, next, scratch);
    }
  });
}

void attention_forward_rows(float* out, const float* qkv, const AttentionShape& shape, std::size_t first,
                            std::size_t last, float* scratch_floats) noexcept {
  assert(shape.B == 1 && shape.H > 0 && shape.C % shape.H == 0 && last <= shape.T);
  const Scratch scratch(scratch_floats, shape);
  const float scale = attention_scale(shape);
  for (std::size_t h = 0; h < shape.H; ++h) {
    const AttentionHead head(shape, 0, h);
    for (std::size_t t = first; t < last; t += tile_rows) {
      forward_tile(out, scratch.rows, qkv, head, scale, 0, t, std::min(t + tile_rows, last), scratch);
    }
  }
}

void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* probabilities,
                        const AttentionShape& shape, float* scratch_floats, const std::uint32_t* first) noexcept {
  const TimedOperation timed = timed_attention("attention backward", shape, 4, 7);
  const Scratch scratch(scratch_floats, shape);
  const float scale = attention_scale(shape);
  for_each_document(shape, first, [&](const AttentionHead& head, std::size_t begin, std::size_t end) {
    backward_document(dqkv, dout, qkv, probabilities, head, scale, begin, end, scratch);
  });
}

}  // namespace compute

#endif
