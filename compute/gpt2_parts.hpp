#pragma once

// The parts of a block that differ from family to family, each behind one function that asks the shape which it is.
// Internal to compute/.

#include "compute/attention.hpp"
#include "compute/gpt2_layout.hpp"
#include "compute/gpt2_workspace.hpp"
#include "compute/layernorm.hpp"
#include "compute/matrix.hpp"
#include "compute/rope.hpp"

namespace compute {

/// A norm's parameters or their gradients; no bias for Norm::rms.
template <class Float>
struct NormParameters {
  Float* gain;
  Float* bias;
};

/// means: for Norm::layer alone.
void norm_forward(const ModelShape& shape, Matrix out, float* means, float* rstds, ConstMatrix x,
                  NormParameters<const float> parameters) noexcept;
void norm_backward(const ModelShape& shape, Matrix dx, Into into, NormParameters<float> gradient, ConstMatrix dout,
                   ConstMatrix x, const float* means, const float* rstds, const float* gain) noexcept;

/// out: (rows, activated_channels). hidden: (rows, hidden_channels). All dense.
void activation_forward(const ModelShape& shape, Matrix out, ConstMatrix hidden) noexcept;

/// Where the gradient of the activation's output has to stand before `activation_backward`: where that of its input
/// will, or where there are two of those for one of it, in the place of the output.
Matrix activation_dout(const ModelShape& shape, Matrix dhidden, Matrix out) noexcept;
/// dhidden: written from `activation_dout`. out: the activation's output once more.
void activation_backward(const ModelShape& shape, Matrix dhidden, Matrix out, ConstMatrix hidden) noexcept;

/// Tokens [first, first + count) of a pass; token i is at position first_position + i % T.
struct TokenSpan {
  std::size_t first, count, T, first_position;
};

/// Norms and turns q and k of these rows in place, as the shape has it; what the norms were given is kept.
///   gains: of q and of k.
void place_queries_and_keys(const ModelShape& shape, std::size_t layer, const TokenSpan& rows, const float* q_gain,
                            const float* k_gain, const Gpt2Workspace& space) noexcept;
/// The way back: gradients of turned q and k at dqkv, a row per token, become those of what the product gave.
void place_queries_and_keys_backward(const ModelShape& shape, std::size_t layer, const TokenSpan& rows, Matrix dqkv,
                                     const float* q_gain, const float* k_gain, float* dq_gain, float* dk_gain,
                                     const Gpt2Workspace& space) noexcept;

inline AttentionShape attention_shape(const ModelShape& shape, std::size_t B, std::size_t T) noexcept {
  return {B, T, shape.attention_channels(), shape.heads, shape.kv_heads};
}

}  // namespace compute
