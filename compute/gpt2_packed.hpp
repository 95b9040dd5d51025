#pragma once

// The weights of a model once more, packed for the products of a training step: every worker would pack each of them
// for every micro-batch. Filled between steps, read by workers during one. Internal to compute/ but for what
// compute/gpt2.hpp declares.

#include "compute/gpt2_layout.hpp"
#include "compute/product.hpp"

namespace compute {

/// What a weight does: takes inputs to outputs, or the gradient of its outputs to that of its inputs.
enum class Way : std::size_t { forward, backward };

/// The right operand of a product with a weight: as it lies in the flat array, and where it is packed.
struct WeightOperand {
  std::size_t offset;  ///< in the flat array
  std::size_t rows, columns;
  As as;
  std::size_t packed_offset;  ///< in the packed array
  std::size_t packed_floats;  ///< 0 where packing gains nothing

  std::size_t K() const noexcept { return as == As::stored ? rows : columns; }
  std::size_t N() const noexcept { return as == As::stored ? columns : rows; }
  ConstMatrix matrix(const float* weights) const noexcept { return dense(weights + offset, rows, columns); }
};

/// Where the operands lie: in the order in which a step needs them, forward layer by layer, the head's two, and back.
/// Cheap enough to make per pass.
class PackedLayout {
 public:
  explicit PackedLayout(const ModelShape& shape) noexcept;

  /// tensor: one of the four weights of a block.
  WeightOperand of(std::size_t layer, BlockTensor tensor, Way way) const noexcept;
  WeightOperand head(Way way) const noexcept { return head_[static_cast<std::size_t>(way)]; }
  std::size_t floats() const noexcept { return floats_; }

  /// Calls f(forward operand, backward operand) for each weight.
  template <class F>
  void for_each_weight(F f) const {
    for (std::size_t layer = 0; layer < layers_; ++layer) {
      for (const BlockTensor tensor : block_weights)
        f(of(layer, tensor, Way::forward), of(layer, tensor, Way::backward));
    }
    f(head(Way::forward), head(Way::backward));
  }

  static constexpr std::array<BlockTensor, 4> block_weights = {
      BlockTensor::attention_weight, BlockTensor::projection_weight, BlockTensor::expand_weight,
      BlockTensor::contract_weight};

 private:
  /// Of one way: each weight of a block, packed_offset counted from where the block's are.
  struct OneWay {
    std::array<WeightOperand, block_weights.size()> in_first_block;
    std::size_t first, block_floats;  ///< packed
  };
  std::array<OneWay, 2> ways_;
  std::array<WeightOperand, 2> head_;
  std::size_t block_floats_, layers_, floats_;
};

}  // namespace compute
