#pragma once

// Causal multi-head self-attention over the packed projections of one layer, forward and backward. The order of every
// operation is fixed, so that another implementation can have the same bits. Per sequence and head, with D = C / H,
// q, k and v the rows of D channels of that head, and [0, t] the keys that position t sees:
//
//   s[j] = product(q[t], k[j]) * scale            the chain over D of compute/product.hpp; scale is f32(1 / sqrt(D))
//   e[j] = exp(s[j] - max16(s[0..t]))             exp of compute/exp.hpp, max16 and sum16 of compute/lanes.hpp
//   p[j] = e[j] * (1 / sum16(e[0..t]))            an f32 division, then products
//   out[t] = product(p[0..t], v[0..t]) + (+0)     chain over j, in blocks of product_block from key 0
//
//   dp[j] = product(dout[t], v[j])                chain over D
//   delta = sum16 of p[j] dp[j], j in [0, t]      fused: a lane is fma(p[j], dp[j], lane)
//   ds[j] = (p[j] * (dp[j] - delta)) * scale
//   dq[t] = product(ds[0..t], k[0..t]) + (+0)     chain over j, in blocks from key 0
//   dk[j] = product of ds[t][j] and q[t]          chain over t in [j, T), in blocks cut at absolute multiples of
//   dv[j] = product of p[t][j] and dout[t]        product_block: the first is [j, next multiple)
//
// Adding +0 turns a sum of -0 into +0. With it, keys after t may as well be summed with an exact weight of +0 where
// that is faster: for finite operands the bits are the same. Chains over t begin at +0, which leading zeros do not
// change.

#include <cstddef>

#include "compute/matrix.hpp"

namespace compute {

/// Shape of one attention call: B sequences of T positions, H heads of C / H channels. Requires H > 0, C % H == 0.
struct AttentionShape {
  std::size_t B, T, C, H;
};

/// Floats of scratch memory for forward and backward, beyond `product_scratch_floats`: at most
/// min(T, product_block) * T + C / H. One scratch per thread.
std::size_t attention_scratch_floats(const AttentionShape& shape) noexcept;

/// out = softmax(q k^T / sqrt(C / H), causal) v, per sequence and head.
///   qkv: (B*T, 3C), each row q | k | v, each of them head after head.   out: (B*T, C).
///   probabilities: B*H*T*T floats, kept for the backward pass; row t holds keys 0..t, the rest is zero.
///   scratch: product_scratch_floats + attention_scratch_floats(shape) floats.
///   Source: Vaswani et al. 2017, section 3.2.
void attention_forward(float* out, float* probabilities, const float* qkv, const AttentionShape& shape,
                       float* scratch) noexcept;

/// Gradient of the above with respect to qkv, written whole.
///   dqkv: (B*T, 3C). dout: (B*T, C). qkv and probabilities as the forward pass left them.
void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* probabilities,
                        const AttentionShape& shape, float* scratch) noexcept;

/// The forward pass for positions [first, last) of one sequence (B == 1) whose earlier rows of qkv are filled already:
/// how text is generated a token at a time. The same bits as the whole pass. out: rows first..last-1 are written.
///   Only rows [0, last) of qkv are read. Requires last <= T.
void attention_forward_rows(float* out, const float* qkv, const AttentionShape& shape, std::size_t first,
                            std::size_t last, float* scratch) noexcept;

namespace plain {
/// The definitions: loops over heads, rows and keys. The same bits.
void attention_forward(float* out, float* probabilities, const float* qkv, const AttentionShape& shape) noexcept;
void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* probabilities,
                        const AttentionShape& shape);
}  // namespace plain

}  // namespace compute
