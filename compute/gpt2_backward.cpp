#include "compute/gpt2_backward.hpp"

#include <algorithm>

#include "compute/adamw.hpp"
#include "compute/attention.hpp"
#include "compute/column_sums.hpp"
#include "compute/dropout.hpp"
#include "compute/embedding.hpp"
#include "compute/gpt2_parts.hpp"
#include "compute/product.hpp"

namespace compute {

namespace {

using enum BlockTensor;

/// One backward pass: what it reads, and the gradient it makes. `dresidual` is the gradient of the residual stream,
/// walking from the last layer to the first.
struct Backward {
  const Gpt2Model& model;
  const Gpt2Workspace& space;
  TokenGrid inputs;
  const std::uint32_t* document_first;
  const Dropout& dropout;
  float* gradient;
  Into into;  ///< of the gradient

  float* gradient_of(std::size_t layer, BlockTensor tensor) const noexcept {
    return gradient + model.layout.of(layer, tensor);
  }
  Matrix rows(float* buffer, std::size_t columns) const noexcept { return dense(buffer, inputs.count(), columns); }

  void final_norm() const noexcept;
  void mlp(std::size_t layer) const noexcept;
  void attention(std::size_t layer) const noexcept;
  void placement(std::size_t layer, Matrix dqkv) const noexcept;
  void embeddings() const noexcept;
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
  /// Where a vector's gradient is written: `there`, or beside the pass, to be added to it at the end of the block.
  struct VectorGradient {
    VectorGradient(const Backward& pass, float* there_, std::size_t count_, std::size_t beside = 0) noexcept
        : place(pass.into == Into::replaced ? there_ : pass.space.vectors + beside), count(count_), there(there_) {}
    VectorGradient(const VectorGradient&) = delete;
    VectorGradient& operator=(const VectorGradient&) = delete;
    ~VectorGradient() {
      if (place != there) add({there, count}, {there, count}, {place, count});
    }

    float* const place;
    const std::size_t count;

   private:
    float* const there;
  };
  /// dx = dout weight^T.
  void linear_input(Matrix dx, ConstMatrix dout, std::size_t layer, BlockTensor weight) const noexcept {
    multiply_weight(model, dx, dout, model.packed_layout.of(layer, weight, Way::backward), nullptr, space);
  }
  /// dweight = x^T dout, or its transpose; dbias = the sum of dout's rows.
  void linear_parameters(std::size_t layer, BlockTensor weight, BlockTensor bias, ConstMatrix x,
                         ConstMatrix dout) const noexcept {
    const Matrix dweight = weight_matrix(model.shape, gradient_of(layer, weight), x.columns, dout.columns);
    const bool inputs_first = weight_as(model.shape) == As::stored;
    multiply_gradient(model, dweight, into, inputs_first ? x : dout, inputs_first ? dout : x, space);
    const VectorGradient dbias(*this, gradient_of(layer, bias), block_tensor_floats(model.shape, bias));
    if (dbias.count != 0) column_sums(dbias.place, dout);
  }
  /// A norm's output once more; its statistics are left for `norm_input`.
  void norm_again(Matrix out, ConstMatrix x, std::size_t layer, BlockTensor gain, BlockTensor bias) const noexcept {
    norm_forward(model.shape, out, space.means, space.rstds, x, {model.of(layer, gain), model.of(layer, bias)});
  }
  /// The gradient of a norm's input, into the residual stream's, and of its parameters. x: what the norm was given.
  void norm_input(Into stream, ConstMatrix x, std::size_t gain, std::size_t bias) const noexcept {
    const ModelShape& shape = model.shape;
    const std::size_t C = shape.channels;
    const VectorGradient dgain(*this, gradient + gain, C);
    const VectorGradient dbias(*this, gradient + bias, shape.norm == Norm::layer ? C : 0, aligned_floats(C));
    norm_backward(shape, rows(space.dresidual, C), stream, {dgain.place, dbias.place}, rows(space.dnormed, C), x,
                  space.means, space.rstds, model.weights + gain);
  }
  /// The gradient that went through a block's norm joins the one that went past it.
  void norm_input(ConstMatrix x, std::size_t layer, BlockTensor gain, BlockTensor bias) const noexcept {
    norm_input(Into::added, x, model.layout.of(layer, gain), model.layout.of(layer, bias));
  }
};

void Backward::final_norm() const noexcept {
  norm_input(Into::replaced, rows(space.residual.of(model.shape.layers), model.shape.channels), model.layout.final_gain,
             model.layout.final_bias);
}

void Backward::mlp(std::size_t layer) const noexcept {
  const std::size_t C = model.shape.channels;
  const Matrix dadded = added(mlp_dropout(layer));
  const Matrix activated = rows(space.activated, model.shape.activated_channels());
  const Matrix dhidden = rows(space.dwide, model.shape.hidden_channels());
  const Matrix normed = rows(space.normed, C);
  const Matrix middle = rows(space.middle.of(layer), C);

  linear_input(activation_dout(model.shape, dhidden, activated), dadded, layer, contract_weight);
  activation_backward(model.shape, dhidden, activated, rows(space.hidden.of(layer), dhidden.columns));
  linear_parameters(layer, contract_weight, contract_bias, activated, dadded);

  norm_again(normed, middle, layer, norm2_gain, norm2_bias);
  linear_parameters(layer, expand_weight, expand_bias, normed, dhidden);
  linear_input(rows(space.dnormed, C), dhidden, layer, expand_weight);
  norm_input(middle, layer, norm2_gain, norm2_bias);
}

void Backward::attention(std::size_t layer) const noexcept {
  const std::size_t C = model.shape.channels;
  const Matrix dadded = added(attention_dropout(layer));
  const Matrix dattended = rows(space.dnormed, model.shape.attention_channels());
  const Matrix dqkv = rows(space.dwide, model.shape.qkv_channels());
  const Matrix normed = rows(space.normed, C);
  const Matrix residual = rows(space.residual.of(layer), C);

  linear_input(dattended, dadded, layer, projection_weight);
  linear_parameters(layer, projection_weight, projection_bias, rows(space.attended.of(layer), dattended.columns),
                    dadded);
  attention_backward(dqkv.data, dattended.data, space.qkv.of(layer), space.statistics.of(layer),
                     attention_shape(model.shape, inputs.B, inputs.T), space.scratch, document_first);
  placement(layer, dqkv);

  norm_again(normed, residual, layer, norm1_gain, norm1_bias);
  linear_parameters(layer, attention_weight, attention_bias, normed, dqkv);
  linear_input(rows(space.dnormed, C), dqkv, layer, attention_weight);
  norm_input(residual, layer, norm1_gain, norm1_bias);
}

void Backward::placement(std::size_t layer, Matrix dqkv) const noexcept {
  const std::size_t D = block_tensor_floats(model.shape, q_norm_gain);
  const VectorGradient dq_gain(*this, gradient_of(layer, q_norm_gain), D);
  const VectorGradient dk_gain(*this, gradient_of(layer, k_norm_gain), D, aligned_floats(D));
  place_queries_and_keys_backward(model.shape, layer, {0, inputs.count(), inputs.T, 0}, dqkv,
                                  model.of(layer, q_norm_gain), model.of(layer, k_norm_gain), dq_gain.place,
                                  dk_gain.place, space);
}

void Backward::embeddings() const noexcept {
  const ModelShape& shape = model.shape;
  const std::size_t C = shape.channels;
  const std::size_t positions = shape.position_kind == Positions::learned ? shape.positions : 0;
  float* const dtokens = gradient + model.layout.token_embedding;
  float* const dpositions = gradient + model.layout.position_embedding;
  if (!shape.tied && into == Into::replaced) std::fill_n(dtokens, shape.vocabulary * C, 0.0f);
  const bool beside = into == Into::added && positions != 0;  // in `normed`, which nobody needs any more
  embedding_backward(dense(dtokens, shape.vocabulary, C),
                     beside ? dense(space.normed, inputs.T, C) : dense(dpositions, positions, C),
                     rows(space.dresidual, C), inputs);
  if (beside) {
    const std::size_t count = inputs.T * C;
    add({dpositions, count}, {dpositions, count}, {space.normed, count});
  }
}

void Backward::zero_gaps() const noexcept {
  const ModelShape& shape = model.shape;
  const Gpt2Layout& layout = model.layout;
  const std::size_t C = shape.channels;
  const bool learned = shape.position_kind == Positions::learned;
  const auto zero_after = [this](std::size_t offset, std::size_t count) {
    std::fill_n(gradient + offset + count, aligned_floats(count) - count, 0.0f);
  };
  zero_after(layout.token_embedding, shape.vocabulary * C);
  zero_after(layout.position_embedding, learned ? shape.positions * C : 0);
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    for (std::size_t i = 0; i < block_tensors_count; ++i) {
      const auto tensor = static_cast<BlockTensor>(i);
      zero_after(layout.of(layer, tensor), block_tensor_floats(shape, tensor));
    }
  }
  zero_after(layout.final_gain, C);
  zero_after(layout.final_bias, shape.norm == Norm::layer ? C : 0);
  if (!shape.tied) zero_after(layout.head, shape.vocabulary * C);
}

}  // namespace

void gpt2_backward(std::span<float> gradient, Into into, const Gpt2Model& model, const TokenGrid& inputs,
                   const std::uint32_t* document_first, const Gpt2Workspace& space, const Dropout& dropout,
                   Activations activations) noexcept {
  const ModelShape& shape = model.shape;
  const Backward pass{model, space, inputs, document_first, dropout, gradient.data(), into};
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
  pass.embeddings();
  pass.zero_gaps();
}

}  // namespace compute
