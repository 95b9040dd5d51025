#pragma once

// How a pass shares out its workspace. What the backward pass needs is kept once per layer; the rest is a handful of
// buffers that every layer uses again. A norm's output, its statistics and the activation's output are computed anew on
// the way back: a percent or two of the time for a third of the memory. So are attention's probabilities, of which two
// floats a row are kept: at 12 layers of 12 heads 38 MB less with a context of 256 and 600 MB with one of 1,024, and
// every buffer is linear in the context. Internal to compute/.

#include <cstddef>

#include "compute/gpt2.hpp"

namespace compute {

/// What a workspace is for: which layers' activations outlive their layer.
enum class Gpt2Pass {
  gradient,             ///< everything the backward pass reads
  gradient_recomputed,  ///< what enters each block
  loss,                 ///< nothing
  generate,             ///< qkv: the keys and values of earlier positions
};

/// A buffer per layer, or (stride 0) one that all layers share.
struct PerLayer {
  float* first;
  std::size_t stride;

  float* of(std::size_t layer) const noexcept { return first + layer * stride; }
};

/// The buffers of one pass over B*T tokens; a row per token.
struct Gpt2Workspace {
  PerLayer residual;    ///< C: what enters a block; one more than there are layers
  PerLayer qkv;         ///< qkv_channels
  PerLayer statistics;  ///< of attention, 2 B*H*T floats; not for `generate`
  PerLayer unnormed;    ///< q | k before their norms, where they have any
  PerLayer head_rstds;  ///< a float per head of q and of k and token, of those norms, head after head
  PerLayer attended;    ///< attention_channels: the heads' results
  PerLayer middle;      ///< C: the residual stream between attention and the layers of the activation
  PerLayer hidden;      ///< hidden_channels: what enters the activation
  float* normed;        ///< C: a norm's output; with dropout also what is added to the residual stream
  float* means;         ///< a float per token, of the norm computed last
  float* rstds;
  float* activated;  ///< activated_channels: the activation's output
  float* logits;     ///< V, for `logit_rows` tokens, none for `generate`; shares memory with activated and dwide, never
                     ///< needed with them
  float* dlogits;    ///< dlogit_columns, logits_stride of them apart, for as many tokens
  float* loss_sums;  ///< LossSums, for as many tokens

  float* dresidual;  ///< C; these and the next ones for `gradient` alone
  float* dnormed;    ///< C, or attention_channels where they are more
  float* dwide;      ///< the gradient of hidden, then of qkv
  float* aside;      ///< C: these two where the gradient can be added: what it finds of the tokens' embeddings
  float* vectors;    ///< a bias's gradient, or a norm's two

  float* scratch;  ///< of products and attention

  std::size_t tokens;  ///< rows of every buffer
  std::size_t floats;  ///< of the whole workspace
};

/// Places the buffers from `base` on, which is 64-byte aligned; nullptr to learn the size alone.
Gpt2Workspace gpt2_workspace(const Gpt2Shape& shape, std::size_t B, std::size_t T, Gpt2Pass pass, float* base) noexcept;

}  // namespace compute
