#pragma once

// The head of GPT-2: from the final norm's output to the loss and back. The logits of a micro-batch may be far larger
// than everything else (V = 50,257: 200 KB a token), so they are held for `logit_rows` tokens at a time; the products
// that sum over tokens go on where the last piece ended, which gives the bits of one piece. Internal to compute/.

#include "compute/gpt2_forward.hpp"
#include "compute/product.hpp"

namespace compute {

/// Tokens whose logits are held at once: each piece reads and writes the gradient of the (V, C) matrix once more, which
/// costs 8 bytes for every 3072 flops.
inline constexpr std::size_t logit_rows = 512;
static_assert(logit_rows % product_block == 0);

/// Targets [begin, end) of a micro-batch, in token order.
struct TargetRange {
  std::size_t begin, end;
};

/// `nats` plus the losses of these targets, given `normed` as `gpt2_forward` left it.
double gpt2_head_loss(const Gpt2Model& model, const TokenGrid& targets, TargetRange range, double nats,
                      const Gpt2Workspace& space) noexcept;

/// The loss; and written whole: its gradient with respect to the head's matrix, (V, C) at `dhead`, and to `normed`, in
/// `dnormed`.
double gpt2_head_gradient(float* dhead, const Gpt2Model& model, const TokenGrid& targets, std::size_t targets_count,
                          const Gpt2Workspace& space, const LossTerms& terms) noexcept;

}  // namespace compute
