#include "compute/gpt2_backward.hpp"

#include <algorithm>

#include "compute/attention.hpp"
#include "compute/column_sums.hpp"
#include "compute/dropout.hpp"
#include "compute/embedding.hpp"
#include "compute/gelu.hpp"
#include "compute/layernorm.hpp"
#include "compute/product.hpp"

namespace compute {

namespace {

using enum BlockTensor;

/// One backward pass: what it reads, and the gradient it writes. `dresidual` is the gradient of the residual stream,
/// walking from the last layer to the first.
struct Backward {
  const Gpt2Model& model;
  const Gpt2Workspace& space;
  TokenGrid inputs;
  const std::uint32_t* document_first;
  const Dropout& dropout;
  float* gradient;

  float* gradient_of(std::size_t layer, BlockTensor tensor) const noexcept {
    return gradient + model.layout.of(layer, tensor);
  }
  Matrix rows(float* buffer, std::size_t columns) const noexcept { return dense(buffer, inputs.count(), columns); }

  void final_norm() const noexcept;
  void mlp(std::size_t layer) const noexcept;
  void attention(std::size_t layer) const noexcept;
  void zero_gaps() const noexcept;

  /// The residual stream's gradient as it reaches what was added to the stream: in `normed`, or where nothing was
  /// dropped in place.
  Matrix added(std::uint32_t place) const noexcept {
    const Matrix dresidual = rows(space.dresidual, model.shape.channels);
    if (dropout.rate == 0) return dresidual;
    const Matrix dropped = rows(space.normed, model.shape.channels);
    compute::dropout(dropped.data, dresidual.data, dresidual.rows * dresidual.columns, dropout, place);
    return dropped;
  }
  /// dx = dout weight^T.
  void linear_input(Matrix dx, ConstMatrix dout, const float* weight) const noexcept {
    multiply(dx, dout, As::stored, dense(weight, dx.columns, dout.columns), As::transposed, nullptr, space.scratch);
  }
  /// dweight = x^T dout, dbias = the sum of dout's rows.
  void linear_parameters(std::size_t layer, BlockTensor weight, BlockTensor bias, ConstMatrix x,
                         ConstMatrix dout) const noexcept {
    multiply(dense(gradient_of(layer, weight), x.columns, dout.columns), x, As::transposed, dout, As::stored, nullptr,
             space.scratch);
    column_sums(gradient_of(layer, bias), dout);
  }
  /// A norm's output once more; its statistics are left for `norm_input`.
  void norm_again(Matrix out, ConstMatrix x, std::size_t layer, BlockTensor gain, BlockTensor bias) const noexcept {
    layernorm_forward(out, space.means, space.rstds, x, model.of(layer, gain), model.of(layer, bias));
  }
  /// The gradient that went through a norm joins the one that went past it.
  void norm_input(ConstMatrix x, std::size_t layer, BlockTensor gain, BlockTensor bias) const noexcept {
    const std::size_t C = model.shape.channels;
    layernorm_backward(rows(space.dresidual, C), Into::added, gradient_of(layer, gain), gradient_of(layer, bias),
                       rows(space.dnormed, C), x, space.means, space.rstds, model.of(layer, gain));
  }
};

void Backward::final_norm() const noexcept {
  const auto& [shape, layout, weights] = model;
  const std::size_t C = shape.channels;
  layernorm_backward(rows(space.dresidual, C), Into::replaced, gradient + layout.final_gain,
                     gradient + layout.final_bias, rows(space.dnormed, C), rows(space.residual.of(shape.layers), C),
                     space.means, space.rstds, weights + layout.final_gain);
}

void Backward::mlp(std::size_t layer) const noexcept {
  const std::size_t C = model.shape.channels;
  const Matrix dadded = added(mlp_dropout(layer));
  const Matrix activated = rows(space.activated, 4 * C);
  const Matrix dhidden = rows(space.dwide, 4 * C);
  const Matrix normed = rows(space.normed, C);
  const Matrix middle = rows(space.middle.of(layer), C);
  const std::size_t hidden_count = inputs.count() * 4 * C;

  linear_input(dhidden, dadded, model.of(layer, contract_weight));
  gelu_backward({dhidden.data, hidden_count}, {activated.data, hidden_count}, {dhidden.data, hidden_count},
                {space.hidden.of(layer), hidden_count});
  linear_parameters(layer, contract_weight, contract_bias, activated, dadded);

  norm_again(normed, middle, layer, norm2_gain, norm2_bias);
  linear_parameters(layer, expand_weight, expand_bias, normed, dhidden);
  linear_input(rows(space.dnormed, C), dhidden, model.of(layer, expand_weight));
  norm_input(middle, layer, norm2_gain, norm2_bias);
}

void Backward::attention(std::size_t layer) const noexcept {
  const std::size_t C = model.shape.channels;
  const Matrix dadded = added(attention_dropout(layer));
  const Matrix dattended = rows(space.dnormed, C);
  const Matrix dqkv = rows(space.dwide, 3 * C);
  const Matrix normed = rows(space.normed, C);
  const Matrix residual = rows(space.residual.of(layer), C);

  linear_input(dattended, dadded, model.of(layer, projection_weight));
  linear_parameters(layer, projection_weight, projection_bias, rows(space.attended.of(layer), C), dadded);
  attention_backward(dqkv.data, dattended.data, space.qkv.of(layer), space.probabilities.of(layer),
                     {inputs.B, inputs.T, C, model.shape.heads}, space.scratch, document_first);

  norm_again(normed, residual, layer, norm1_gain, norm1_bias);
  linear_parameters(layer, attention_weight, attention_bias, normed, dqkv);
  linear_input(rows(space.dnormed, C), dqkv, model.of(layer, attention_weight));
  norm_input(residual, layer, norm1_gain, norm1_bias);
}

void Backward::zero_gaps() const noexcept {
  const auto& [shape, layout, weights] = model;
  const std::size_t C = shape.channels;
  const auto zero_after = [this](std::size_t offset, std::size_t count) {
    std::fill_n(gradient + offset + count, aligned_floats(count) - count, 0.0f);
  };
  zero_after(layout.token_embedding, shape.vocabulary * C);
  zero_after(layout.position_embedding, shape.positions * C);
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    for (std::size_t i = 0; i < block_tensors.size(); ++i)
      zero_after(layout.of(layer, static_cast<BlockTensor>(i)), block_tensors[i].floats(C));
  }
  zero_after(layout.final_gain, C);
  zero_after(layout.final_bias, C);
}

}  // namespace

void gpt2_backward(std::span<float> gradient, const Gpt2Model& model, const TokenGrid& inputs,
                   const std::uint32_t* document_first, const Gpt2Workspace& space, const Dropout& dropout,
                   Activations activations) noexcept {
  const auto& [shape, layout, weights] = model;
  const Backward pass{model, space, inputs, document_first, dropout, gradient.data()};
  pass.final_norm();
  for (std::size_t layer = shape.layers; layer-- > 0;) {
    if (activations == Activations::recomputed)
      gpt2_forward_again(model, layer, inputs, document_first, space, dropout);
    pass.mlp(layer);
    pass.attention(layer);
  }
  if (dropout.rate > 0) {
    compute::dropout(space.dresidual, space.dresidual, inputs.count() * shape.channels, dropout, embedding_dropout);
  }
  embedding_backward(dense(pass.gradient + layout.token_embedding, shape.vocabulary, shape.channels),
                     dense(pass.gradient + layout.position_embedding, shape.positions, shape.channels),
                     pass.rows(space.dresidual, shape.channels), inputs);
  pass.zero_gaps();
}

}  // namespace compute
