#pragma once

// Where each parameter of a model lies in the flat array: the one list that the tensors' names, the forward pass and
// the backward pass are made from. Internal to compute/.

#include <array>
#include <cstddef>

#include "compute/gpt2.hpp"
#include "compute/matrix.hpp"
#include "compute/product.hpp"

namespace compute {

/// The tensors of one block, in the order of the flat array; those that a shape does not have take no room. In Llama's
/// family `attention` is three tensors of a checkpoint and `expand` two, one behind the other.
enum class BlockTensor : std::size_t {
  norm1_gain,
  norm1_bias,
  attention_weight,  ///< (C, qkv_channels): to q | k | v
  attention_bias,
  q_norm_gain,  ///< (head_channels)
  k_norm_gain,
  projection_weight,  ///< (attention_channels, C): from the heads into the residual stream
  projection_bias,
  norm2_gain,
  norm2_bias,
  expand_weight,  ///< (C, hidden_channels): gate | up where there are two
  expand_bias,
  contract_weight,  ///< (activated_channels, C): into the residual stream
  contract_bias,
};

inline constexpr std::size_t block_tensors_count = 14;

/// 0 for a tensor that the shape does not have.
std::size_t block_tensor_floats(const ModelShape& shape, BlockTensor tensor) noexcept;

/// Tensors and buffers begin at multiples of this many floats: a cache line.
inline constexpr std::size_t tensor_alignment = 16;

constexpr std::size_t aligned_floats(std::size_t count) noexcept {
  return (count + tensor_alignment - 1) / tensor_alignment * tensor_alignment;
}

/// Offsets in floats.
struct Gpt2Layout {
  std::size_t token_embedding, position_embedding;
  std::size_t first_block, block_floats;
  std::array<std::size_t, block_tensors_count> in_block;
  std::size_t final_gain, final_bias;
  std::size_t head;    ///< (V, C); the token embedding where they are tied
  std::size_t floats;  ///< of the whole array

  std::size_t of(std::size_t layer, BlockTensor tensor) const noexcept {
    return first_block + layer * block_floats + in_block[static_cast<std::size_t>(tensor)];
  }
};

/// How a weight is stored, as an operand that takes rows of inputs to rows of outputs.
inline As weight_as(const ModelShape& shape) noexcept {
  return shape.family == Family::gpt2 ? As::stored : As::transposed;
}
/// A weight as it lies in memory.
template <class Float>
auto weight_matrix(const ModelShape& shape, Float* weight, std::size_t inputs, std::size_t outputs) noexcept {
  return shape.family == Family::gpt2 ? dense(weight, inputs, outputs) : dense(weight, outputs, inputs);
}

/// Allocates nothing; cheap enough to call per pass.
Gpt2Layout gpt2_layout(const Gpt2Shape& shape) noexcept;

}  // namespace compute
