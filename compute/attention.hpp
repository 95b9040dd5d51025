#pragma once

// Causal multi-head self-attention over the packed projections of one layer, forward and backward. The order of every
// operation is fixed, so that another implementation can have the same bits. Per sequence and head, with D = C / H,
// q, k and v the rows of D channels of that head, and [0, t] the keys that position t sees:
//
//   s[j] = product(q[t], k[j]) * scale            the chain over D of compute/product.hpp; scale is f32(1 / sqrt(D))
//   e[j] = exp(s[j] - max16(s[0..t]))             exp of compute/exp.hpp, max16 and sum16 of compute/lanes.hpp
//   p[j] = e[j] * (1 / sum16(e[0..t]))            an f32 division, then products; what is divided: the row's factor
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
//
// With a document mask position t sees keys [f, t], f being where its document begins in the row, and key j is seen by
// positions [j, l), l being where its document ends. Nothing above moves: lanes and blocks are counted from key 0.
//
//   max16, sum16      a key before f counts as -infinity in max16 and as +0 in sum16: it leaves its lane as it is
//   p[0..f)           +0, exactly
//   chains over j     [f, t] in blocks cut at absolute multiples of product_block: the first is [f, next multiple)
//   chains over t     [j, l), cut likewise
//
// Neither end of a chain reaches into another document, so that a weight of zero never meets what stands there: an
// infinity or a NaN stays in its document. For finite operands the keys before f might be summed with weights of +0
// like those after t; the positions from l on might not (a sum of -0 would become +0). With f = 0 and l = T everywhere
// the bits are those of no mask.
//
// Nothing as large as T^2 outlives the call: the forward pass keeps each row's maximum and factor, from which the
// backward pass has the same p again. One more product of six, and as many exponentials as before; against that, 4 T^2
// bytes a head that were written, and read where they no longer lay in a cache.
//   Source: Dao et al. 2022 (probabilities recomputed from statistics); the associations above are ours.
//
// With fewer heads of keys and values than of queries, as many queries' heads in a row share one: dk and dv are the
// sums over the heads of such a group, in order; the chains of a later head are added, block by block, to what is
// there.
//   Source: Ainslie et al. 2023 (grouped queries); one head for all of them: Shazeer 2019.

#include <cstddef>
#include <cstdint>

#include "compute/matrix.hpp"

namespace compute {

/// Shape of one attention call: B sequences of T positions, H heads of C / H channels. Requires H > 0, C % H == 0.
struct AttentionShape {
  std::size_t B, T, C, H;
  std::size_t kv_heads = 0;  ///< heads of keys and of values, a divisor of H; 0: as many as H

  std::size_t head_channels() const noexcept { return C / H; }
  /// Heads of queries for each head of keys.
  std::size_t group() const noexcept { return kv_heads == 0 ? 1 : H / kv_heads; }
  /// Channels of all keys, or of all values, of a token.
  std::size_t kv_channels() const noexcept { return H / group() * head_channels(); }
  /// Channels of a row q | k | v.
  std::size_t qkv_channels() const noexcept { return C + 2 * kv_channels(); }
  /// Floats of `statistics`: per sequence and head T maxima, then T factors.
  std::size_t statistics_floats() const noexcept { return 2 * B * H * T; }
};

/// Floats of scratch memory for forward and backward, beyond `product_scratch_floats`, which is used too: what is more
/// than that of seven copies of a head's rows and twice a few rows of T (compute/attention_scratch.hpp). Linear in T.
/// One scratch per thread.
std::size_t attention_scratch_floats(const AttentionShape& shape) noexcept;

/// out = softmax(q k^T / sqrt(C / H), causal) v, per sequence and head.
///   qkv: (B*T, qkv_channels), each row q | k | v, each of them head after head.   out: (B*T, C).
///   statistics: statistics_floats(), kept for the backward pass.
///   scratch: product_scratch_floats + attention_scratch_floats(shape) floats.
///   first: B*T positions, where each position's document begins in its row (compute/documents.hpp); nullptr: no mask.
///   Source: Vaswani et al. 2017, section 3.2.
void attention_forward(float* out, float* statistics, const float* qkv, const AttentionShape& shape, float* scratch,
                       const std::uint32_t* first = nullptr) noexcept;

/// Gradient of the above with respect to qkv, written whole.
///   dqkv: as qkv. dout: (B*T, C). qkv and statistics as the forward pass left them, with the same `first`.
void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* statistics,
                        const AttentionShape& shape, float* scratch, const std::uint32_t* first = nullptr) noexcept;

/// The forward pass for positions [first, last) of one sequence (B == 1) whose earlier rows of qkv are filled already:
/// how text is generated a token at a time. The same bits as the whole pass. out: rows first..last-1 are written.
///   Only rows [0, last) of qkv are read. Requires last <= T.
void attention_forward_rows(float* out, const float* qkv, const AttentionShape& shape, std::size_t first,
                            std::size_t last, float* scratch) noexcept;

namespace plain {
/// The definitions: loops over heads, rows and keys. The same bits.
void attention_forward(float* out, float* statistics, const float* qkv, const AttentionShape& shape,
                       const std::uint32_t* first = nullptr);
void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* statistics,
                        const AttentionShape& shape, const std::uint32_t* first = nullptr);
}  // namespace plain

}  // namespace compute
