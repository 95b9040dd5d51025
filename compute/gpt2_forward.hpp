#pragma once

// The forward pass, in the parts that training, evaluation and generation share. Internal to compute/.

#include "compute/gpt2.hpp"
#include "compute/gpt2_layout.hpp"
#include "compute/gpt2_packed.hpp"
#include "compute/gpt2_workspace.hpp"
#include "compute/token_grid.hpp"

namespace compute {

/// The fixed inputs of a pass.
struct Gpt2Model {
  Gpt2Shape shape;
  Gpt2Layout layout;
  const float* weights;
  PackedLayout packed_layout;
  const float* packed;  ///< nullptr: products pack for themselves

  const float* of(std::size_t layer, BlockTensor tensor) const noexcept { return weights + layout.of(layer, tensor); }
  /// nullptr if the shape does not have it.
  const float* bias_of(std::size_t layer, BlockTensor tensor) const noexcept {
    return block_tensor_floats(shape, tensor) == 0 ? nullptr : of(layer, tensor);
  }
};

/// out = x times the operand, plus bias, if there is one.
void multiply_weight(const Gpt2Model& model, Matrix out, ConstMatrix x, const WeightOperand& weight, const float* bias,
                     const Gpt2Workspace& space, const Epilogue& epilogue = {}) noexcept;

/// A part of the product with the operand: x times its steps of k [first, first + x.columns), added to out unless they
/// are the first. Taken in order, `first` a multiple of product_block, the parts give the bits of the whole.
void multiply_weight_steps(const Gpt2Model& model, Matrix out, ConstMatrix x, const WeightOperand& weight,
                           std::size_t first, const Gpt2Workspace& space) noexcept;

/// The gradient of a weight: dweight = left^T right, or that added to it. Those of a larger model are written past the
/// caches: they are out of these before anybody adds them.
void multiply_gradient(const Gpt2Model& model, Matrix dweight, Into into, ConstMatrix left, ConstMatrix right,
                       const Gpt2Workspace& space) noexcept;

/// Inputs and targets of rows as the packer leaves them: the targets are the inputs one further.
TokenGrid gpt2_inputs(const TokenRows& rows) noexcept;
TokenGrid gpt2_targets(const TokenRows& rows) noexcept;

/// Runs all layers over whole rows; afterwards `normed` holds the final norm's output, `means` and `rstds` its
/// statistics. document_first as in TokenRows.
void gpt2_forward(const Gpt2Model& model, const TokenGrid& inputs, const std::uint32_t* document_first,
                  const Gpt2Workspace& space, const Dropout& dropout = {}) noexcept;

/// One block once more, up to what enters the activation, from residual.of(layer).
void gpt2_forward_again(const Gpt2Model& model, std::size_t layer, const TokenGrid& inputs,
                        const std::uint32_t* document_first, const Gpt2Workspace& space,
                        const Dropout& dropout) noexcept;

/// Where dropout stands, for compute/dropout.hpp: in the embedded tokens, and in what the halves of a block add.
inline constexpr std::uint32_t embedding_dropout = 0;
constexpr std::uint32_t attention_dropout(std::size_t layer) noexcept {
  return static_cast<std::uint32_t>(1 + 2 * layer);
}
constexpr std::uint32_t mlp_dropout(std::size_t layer) noexcept {
  return static_cast<std::uint32_t>(2 + 2 * layer);
}

/// Runs all layers for positions [first, last) of the one sequence, given qkv of the positions before them; afterwards
/// row last - 1 of residual.of(layers) is what enters the final norm.
void gpt2_forward_positions(const Gpt2Model& model, const TokenGrid& sequence, std::size_t first, std::size_t last,
                            const Gpt2Workspace& space) noexcept;

}  // namespace compute
