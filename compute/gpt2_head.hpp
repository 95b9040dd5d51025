#pragma once

// The head: from the final norm's output to the loss and back. The logits of a micro-batch may be far larger
// than everything else (V = 50,257: 200 KB a token), so they are held for `logit_rows` tokens at a time; the products
// that sum over tokens go on where the last piece ended, which gives the bits of one piece. They are held once: the
// product leaves them tile by tile, and while a tile is in the caches its exponentials take its place; their gradient
// is formed a few columns at a time beside the products that read it. Internal to compute/.

#include "compute/cross_entropy.hpp"
#include "compute/gpt2_forward.hpp"
#include "compute/product.hpp"

namespace compute {

/// Tokens whose logits are held at once: each piece reads and writes the gradient of the (V, C) matrix once more, which
/// costs 8 bytes for every 3072 flops.
inline constexpr std::size_t logit_rows = 512;
static_assert(logit_rows % product_block == 0);

/// From row to row of logits: whole cache lines, an odd number of them. With a power of two between them, as many a
/// vocabulary has, the rows of a tile would share few sets of the caches.
inline std::size_t logits_stride(std::size_t V) noexcept {
  constexpr std::size_t line_floats = 16;
  return ((V + line_floats - 1) / line_floats | 1) * line_floats;
}

/// Columns of the logits' gradient that are formed at a time: a block of k of the product that sums over them. With
/// 256 tokens 256 KiB, which both products with it find in the second cache.
inline constexpr std::size_t dlogit_columns = product_block;
static_assert(dlogit_columns % loss_tile == 0);

/// Targets [begin, end) of a micro-batch, in token order.
struct TargetRange {
  std::size_t begin, end;
};

/// `nats` plus the losses of these targets, given `normed` as `gpt2_forward` left it.
double gpt2_head_loss(const Gpt2Model& model, const TokenGrid& targets, TargetRange range, double nats,
                      const Gpt2Workspace& space) noexcept;

/// The loss; its gradient with respect to the head's matrix, (V, C), into `dhead`; and that to `normed`, written whole,
/// in `dnormed`. To be added `dhead` takes at most `product_block` tokens.
double gpt2_head_gradient(float* dhead, Into into, const Gpt2Model& model, const TokenGrid& targets,
                          std::size_t targets_count, const Gpt2Workspace& space, const LossTerms& terms) noexcept;

}  // namespace compute
