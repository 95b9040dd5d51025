#pragma once

// What a model is made of: its sizes, and the choices in which the families that people use differ. Left as they are,
// the choices are GPT-2's.

#include <cstddef>

#include "compute/rope.hpp"

namespace compute {

/// Whose names and layouts the tensors have: GPT-2 stores matrices (inputs, outputs), Llama (outputs, inputs), with q,
/// k, v, and gate and up apart. Qwen's tensors are named as Llama's.
enum class Family { gpt2, llama };

enum class Norm {
  layer,  ///< compute/layernorm.hpp, with a bias
  rms,    ///< compute/rmsnorm.hpp, without
};

enum class Positions {
  learned,  ///< an embedding of positions, added to the tokens'
  rotary,   ///< queries and keys turned by compute/rope.hpp
};

enum class Activation {
  gelu_tanh,  ///< compute/gelu.hpp
  gelu_erf,   ///< compute/gelu_erf.hpp
  swiglu,     ///< compute/swiglu.hpp
};

struct ModelShape {
  std::size_t layers, heads, channels, vocabulary, positions;

  Family family = Family::gpt2;
  Norm norm = Norm::layer;
  float norm_epsilon = 1e-5f;
  Positions position_kind = Positions::learned;
  RopeAngles rope{};
  Activation activation = Activation::gelu_tanh;
  std::size_t kv_heads = 0;       ///< heads of keys and of values, a divisor of heads; 0: as many as heads
  std::size_t own_head_size = 0;  ///< channels of a head where they are not channels / heads (Qwen3); 0: they are
  std::size_t own_hidden = 0;     ///< channels that enter `contract`; 0: 4 * channels
  bool qkv_bias = true;
  bool projection_bias = true;  ///< of attention's output
  bool mlp_bias = true;
  bool qk_norm = false;  ///< each head's q and k normalised, before they are turned (Qwen3)
  bool tied = true;      ///< the head is the token embedding

  double initial_deviation = 0.02;  ///< of matrices and embeddings that are drawn afresh

  std::size_t head_channels() const noexcept { return own_head_size != 0 ? own_head_size : channels / heads; }
  /// Channels of all heads' queries, and of what attention gives.
  std::size_t attention_channels() const noexcept { return heads * head_channels(); }
  std::size_t kv_head_count() const noexcept { return kv_heads != 0 ? kv_heads : heads; }
  /// Channels of all keys, or of all values.
  std::size_t kv_channels() const noexcept { return kv_head_count() * head_channels(); }
  std::size_t qkv_channels() const noexcept { return attention_channels() + 2 * kv_channels(); }
  /// Channels of the activation's output, and of its input: a gated one has two of them.
  std::size_t activated_channels() const noexcept { return own_hidden != 0 ? own_hidden : 4 * channels; }
  std::size_t hidden_channels() const noexcept {
    return activation == Activation::swiglu ? 2 * activated_channels() : activated_channels();
  }

  friend bool operator==(const ModelShape&, const ModelShape&) = default;
};

}  // namespace compute
