#pragma once

// Where each parameter of a GPT-2 lies in the flat array: the one list that the tensors' names, the forward pass and
// the backward pass are made from. Internal to compute/.

#include <array>
#include <cstddef>
#include <string_view>

#include "compute/gpt2.hpp"

namespace compute {

/// The tensors of one block, in the order of the flat array.
enum class BlockTensor : std::size_t {
  norm1_gain,
  norm1_bias,
  attention_weight,  ///< (C, 3C): to q | k | v
  attention_bias,
  projection_weight,  ///< (C, C): from the heads into the residual stream
  projection_bias,
  norm2_gain,
  norm2_bias,
  expand_weight,  ///< (C, 4C)
  expand_bias,
  contract_weight,  ///< (4C, C): into the residual stream
  contract_bias,
};

/// Name within a block as Hugging Face has it, and the shape in units of C; a vector has no inputs.
struct BlockTensorKind {
  std::string_view name;
  std::size_t inputs, outputs;

  constexpr std::size_t floats(std::size_t C) const noexcept { return (inputs == 0 ? 1 : inputs * C) * outputs * C; }
};

inline constexpr std::array<BlockTensorKind, 12> block_tensors = {{
    {"ln_1.weight", 0, 1},
    {"ln_1.bias", 0, 1},
    {"attn.c_attn.weight", 1, 3},
    {"attn.c_attn.bias", 0, 3},
    {"attn.c_proj.weight", 1, 1},
    {"attn.c_proj.bias", 0, 1},
    {"ln_2.weight", 0, 1},
    {"ln_2.bias", 0, 1},
    {"mlp.c_fc.weight", 1, 4},
    {"mlp.c_fc.bias", 0, 4},
    {"mlp.c_proj.weight", 4, 1},
    {"mlp.c_proj.bias", 0, 1},
}};

/// Tensors and buffers begin at multiples of this many floats: a cache line.
inline constexpr std::size_t tensor_alignment = 16;

constexpr std::size_t aligned_floats(std::size_t count) noexcept {
  return (count + tensor_alignment - 1) / tensor_alignment * tensor_alignment;
}

/// Offsets in floats.
struct Gpt2Layout {
  std::size_t token_embedding, position_embedding;
  std::size_t first_block, block_floats;
  std::array<std::size_t, block_tensors.size()> in_block;
  std::size_t final_gain, final_bias;
  std::size_t floats;  ///< of the whole array

  std::size_t of(std::size_t layer, BlockTensor tensor) const noexcept {
    return first_block + layer * block_floats + in_block[static_cast<std::size_t>(tensor)];
  }
};

/// Allocates nothing; cheap enough to call per pass.
Gpt2Layout gpt2_layout(const Gpt2Shape& shape) noexcept;

}  // namespace compute
