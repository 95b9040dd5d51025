#pragma once

// Causal multi-head self-attention over the packed projections of one layer, forward and backward.

#include <cstddef>

#include "compute/matrix.hpp"

namespace compute {

/// Shape of one attention call: B sequences of T positions, H heads of C / H channels.
struct AttentionShape {
  std::size_t B, T, C, H;
};

/// Floats of scratch memory for forward and backward, beyond `product_scratch_floats`. One scratch per thread.
std::size_t attention_scratch_floats(const AttentionShape& shape) noexcept;

/// out = softmax(q k^T / sqrt(C / H), causal) v, per sequence and head.
///   qkv: (B*T, 3C), each row q | k | v, each of them head after head.   out: (B*T, C).
///   probabilities: B*H*T*T floats, kept for the backward pass; row t holds keys 0..t, the rest is zero.
///   Scores are products (compute/product.hpp) times the f32 of 1/sqrt(C/H); the row's maximum is subtracted; sums of
///   exponentials use 16 virtual lanes; a probability is exponential times the f32 reciprocal of the sum.
///   Chains over keys are those of `product` over j in [0, t]; terms of masked keys are absent (or fma with +0).
void attention_forward(float* out, float* probabilities, const float* qkv, const AttentionShape& shape,
                       float* scratch) noexcept;

/// Gradient of the above with respect to qkv, written whole.
///   dqkv: (B*T, 3C). dout: (B*T, C). qkv and probabilities as the forward pass left them.
void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* probabilities,
                        const AttentionShape& shape, float* scratch) noexcept;

/// The forward pass for positions [first, last) of one sequence (B == 1) whose earlier rows of qkv are filled already:
/// how text is generated a token at a time. The same bits as the whole pass. out: rows first..last-1 are written.
void attention_forward_rows(float* out, const float* qkv, const AttentionShape& shape, std::size_t first,
                            std::size_t last, float* scratch) noexcept;

namespace plain {
/// The definitions: loops over heads, rows and keys with `std::fma`. The same bits.
void attention_forward(float* out, float* probabilities, const float* qkv, const AttentionShape& shape) noexcept;
void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* probabilities,
                        const AttentionShape& shape);
}  // namespace plain

}  // namespace compute
