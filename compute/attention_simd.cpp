// Attention with vectors: products on tiles of 64 rows (compute/product_simd.cpp) and the rows between them. Same bits
// as compute/attention.cpp.
//
// A head of T positions takes 4 T^2 D flops forward and 10 T^2 D backward without the mask; tiles of 64 rows skip the
// keys that none of their rows sees: 62 % of it is left at T = 256, 52 % at T = 2,048. The rows' own work, softmax and
// its gradient, is T^2 / 2 elements of about 25 and 6 instructions a vector.

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
#include "compute/product.hpp"

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

/// Positions [first, last), at most a tile: their rows of probabilities (stride T) and of the output.
void forward_tile(float* out, float* rows, const float* qkv, const AttentionHead& head, float scale, std::size_t first,
                  std::size_t last, const Scratch& scratch) {
  const std::size_t count = last - first;
  const Matrix p{rows, count, last, head.T};
  multiply(p, head.part(qkv, 0, first, count), As::stored, head.part(qkv, 1, 0, last), As::transposed, nullptr,
           scratch.product);
  HWY_DYNAMIC_DISPATCH(SoftmaxRows)(rows, head.T, first, last, scale);
  multiply(head.output(out, first, count), p, As::stored, head.part(qkv, 2, 0, last), As::stored, scratch.zeros,
           scratch.product);
}

/// Positions [first, last), at most a tile: their rows of score gradients (stride T) and of dq.
void backward_tile(float* dqkv, float* rows, const float* dout, const float* qkv, const float* probabilities,
                   const AttentionHead& head, float scale, std::size_t first, std::size_t last,
                   const Scratch& scratch) {
  const std::size_t count = last - first;
  const Matrix ds{rows, count, last, head.T};
  multiply(ds, head.output(dout, first, count), As::stored, head.part(qkv, 2, 0, last), As::transposed, nullptr,
           scratch.product);
  HWY_DYNAMIC_DISPATCH(ScoreGradientRows)(rows, head.square(probabilities), head.T, first, last, scale);
  multiply(head.part(dqkv, 0, first, count), ds, As::stored, head.part(qkv, 1, 0, last), As::stored, scratch.zeros,
           scratch.product);
}

/// Adds what positions [first, last), one block of t, give to `which` (k or v) of the keys they see.
///   weights: row t - first holds the weights of position t, stride T. rows(from, count): what they weigh.
template <class Rows>
void add_to_keys(float* dqkv, std::size_t which, const float* weights, const Rows& rows, const AttentionHead& head,
                 std::size_t first, std::size_t last, const Scratch& scratch) {
  for (std::size_t j = 0; j < last; j += tile_rows) {
    const std::size_t keys = std::min(tile_rows, last - j), from = std::max(first, j);
    const Matrix out = head.part(dqkv, which, j, keys);
    const ConstMatrix a{weights + (from - first) * head.T + j, last - from, keys, head.T};
    if (j >= first) {
      multiply(out, a, As::transposed, rows(from, last - from), As::stored, nullptr, scratch.product);
    } else {
      multiply_add(out, a, As::transposed, rows(from, last - from), As::stored, scratch.product);
    }
  }
}

}  // namespace

std::size_t attention_scratch_floats(const AttentionShape& shape) noexcept {
  return shape.C / shape.H + std::min(shape.T, product_block) * shape.T;
}

void attention_forward(float* out, float* probabilities, const float* qkv, const AttentionShape& shape,
                       float* scratch_floats) noexcept {
  assert(shape.H > 0 && shape.C % shape.H == 0);
  const Scratch scratch(scratch_floats, shape);
  const float scale = attention_scale(shape);
  for (std::size_t b = 0; b < shape.B; ++b) {
    for (std::size_t h = 0; h < shape.H; ++h) {
      const AttentionHead head(shape, b, h);
      for (std::size_t t = 0; t < shape.T; t += tile_rows) {
        forward_tile(out, head.square(probabilities) + t * shape.T, qkv, head, scale, t,
                     std::min(t + tile_rows, shape.T), scratch);
      }
    }
  }
}

void attention_forward_rows(float* out, const float* qkv, const AttentionShape& shape, std::size_t first,
                            std::size_t last, float* scratch_floats) noexcept {
  assert(shape.B == 1 && shape.H > 0 && shape.C % shape.H == 0 && last <= shape.T);
  const Scratch scratch(scratch_floats, shape);
  const float scale = attention_scale(shape);
  for (std::size_t h = 0; h < shape.H; ++h) {
    const AttentionHead head(shape, 0, h);
    for (std::size_t t = first; t < last; t += tile_rows) {
      forward_tile(out, scratch.rows, qkv, head, scale, t, std::min(t + tile_rows, last), scratch);
    }
  }
}

void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* probabilities,
                        const AttentionShape& shape, float* scratch_floats) noexcept {
  assert(shape.H > 0 && shape.C % shape.H == 0);
  const Scratch scratch(scratch_floats, shape);
  const float scale = attention_scale(shape);
  const std::size_t T = shape.T;
  for (std::size_t b = 0; b < shape.B; ++b) {
    for (std::size_t h = 0; h < shape.H; ++h) {
      const AttentionHead head(shape, b, h);
      for (std::size_t first = 0; first < T; first += product_block) {
        const std::size_t last = std::min(first + product_block, T);
        for (std::size_t t = first; t < last; t += tile_rows) {
          backward_tile(dqkv, scratch.rows + (t - first) * T, dout, qkv, probabilities, head, scale, t,
                        std::min(t + tile_rows, last), scratch);
        }
        add_to_keys(
            dqkv, 1, scratch.rows, [&](std::size_t t, std::size_t count) { return head.part(qkv, 0, t, count); }, head,
            first, last, scratch);
        add_to_keys(
            dqkv, 2, head.square(probabilities) + first * T,
            [&](std::size_t t, std::size_t count) { return head.output(dout, t, count); }, head, first, last, scratch);
      }
    }
  }
}

}  // namespace compute

#endif
