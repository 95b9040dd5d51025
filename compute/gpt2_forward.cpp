#include "compute/gpt2_forward.hpp"

#include <algorithm>

#include "compute/adamw.hpp"
#include "compute/attention.hpp"
#include "compute/dropout.hpp"
#include "compute/embedding.hpp"
#include "compute/gpt2_parts.hpp"
#include "compute/product.hpp"

namespace compute {

namespace {

using enum BlockTensor;

/// The rows [first, first + count) of every buffer: all tokens of a micro-batch, or a few positions of one sequence.
struct Rows {
  std::size_t first, count;

  Matrix of(float* buffer, std::size_t columns) const noexcept {
    return dense(buffer + first * columns, count, columns);
  }
};

/// out = x weight + bias, if there is one.
void linear(const Gpt2Model& model, Matrix out, ConstMatrix x, std::size_t layer, BlockTensor weight, BlockTensor bias,
            const Gpt2Workspace& space) noexcept {
  multiply_weight(model, out, x, model.packed_layout.of(layer, weight, Way::forward), model.bias_of(layer, bias),
                  space);
}

void add_rows(Matrix out, ConstMatrix a, ConstMatrix b) noexcept {
  const std::size_t count = out.rows * out.columns;  // all three are dense
  add({out.data, count}, {a.data, count}, {b.data, count});
}

/// norm -> q, k, v of each token. places: where the rows stand.
void before_attention(const Gpt2Model& model, std::size_t layer, const TokenSpan& places,
                      const Gpt2Workspace& space) noexcept {
  const std::size_t C = model.shape.channels;
  const Rows rows{places.first, places.count};
  const Matrix normed = rows.of(space.normed, C);
  norm_forward(model.shape, normed, space.means, space.rstds, rows.of(space.residual.of(layer), C),
               {model.of(layer, norm1_gain), model.of(layer, norm1_bias)});
  linear(model, rows.of(space.qkv.of(layer), model.shape.qkv_channels()), normed, layer, attention_weight,
         attention_bias, space);
  place_queries_and_keys(model.shape, layer, places, model.of(layer, q_norm_gain), model.of(layer, k_norm_gain), space);
}

void drop(Matrix x, const Dropout& dropout, std::uint32_t place) noexcept {
  if (dropout.rate > 0) compute::dropout(x.data, x.data, x.rows * x.columns, dropout, place);
}

/// out = what a half of a block adds to the residual stream, x weight + bias, dropped, plus the stream.
void join(const Gpt2Model& model, Matrix out, ConstMatrix stream, ConstMatrix x, std::size_t layer, BlockTensor weight,
          BlockTensor bias, const Gpt2Workspace& space, const Dropout& dropout, std::uint32_t place) noexcept {
  if (dropout.rate == 0) {
    multiply_weight(model, out, x, model.packed_layout.of(layer, weight, Way::forward), model.bias_of(layer, bias),
                    space, {.residual = stream});
    return;
  }
  const Matrix added = dense(space.normed, out.rows, out.columns);
  linear(model, added, x, layer, weight, bias, space);
  drop(added, dropout, place);
  add_rows(out, stream, added);
}

/// What the heads found goes into the residual stream; then norm -> what enters the activation.
void before_activation(const Gpt2Model& model, std::size_t layer, Rows rows, const Gpt2Workspace& space,
                       const Dropout& dropout) noexcept {
  const std::size_t C = model.shape.channels;
  const Matrix normed = rows.of(space.normed, C);
  const Matrix middle = rows.of(space.middle.of(layer), C);
  join(model, middle, rows.of(space.residual.of(layer), C),
       rows.of(space.attended.of(layer), model.shape.attention_channels()), layer, projection_weight, projection_bias,
       space, dropout, attention_dropout(layer));
  norm_forward(model.shape, normed, space.means, space.rstds, middle,
               {model.of(layer, norm2_gain), model.of(layer, norm2_bias)});
  linear(model, rows.of(space.hidden.of(layer), model.shape.hidden_channels()), normed, layer, expand_weight,
         expand_bias, space);
}

/// The activation's output goes into the residual stream.
void after_activation(const Gpt2Model& model, std::size_t layer, Rows rows, const Gpt2Workspace& space,
                      const Dropout& dropout) noexcept {
  const std::size_t C = model.shape.channels;
  const Matrix activated = rows.of(space.activated, model.shape.activated_channels());
  activation_forward(model.shape, activated, rows.of(space.hidden.of(layer), model.shape.hidden_channels()));
  join(model, rows.of(space.residual.of(layer + 1), C), rows.of(space.middle.of(layer), C), activated, layer,
       contract_weight, contract_bias, space, dropout, mlp_dropout(layer));
}

void embed(const Gpt2Model& model, Matrix out, const TokenGrid& inputs, std::size_t first_position) noexcept {
  const ModelShape& shape = model.shape;
  const Gpt2Layout& layout = model.layout;
  const float* const weights = model.weights;
  const std::size_t positions = shape.position_kind == Positions::learned ? shape.positions : 0;
  embedding_forward(out, dense(weights + layout.token_embedding, shape.vocabulary, shape.channels),
                    dense(weights + layout.position_embedding, positions, shape.channels), inputs, first_position);
}

}  // namespace

namespace {

bool is_packed(const Gpt2Model& model, const WeightOperand& weight) noexcept {
  return model.packed != nullptr && weight.packed_floats != 0;
}
/// With a part of the operand that lies behind it, which is the next one of the pass.
PackedMatrix packed_matrix(const Gpt2Model& model, const WeightOperand& weight) noexcept {
  constexpr std::size_t floats_ahead = 16 << 10;
  const std::size_t K = weight.K(), behind = weight.packed_offset + weight.packed_floats;
  return {model.packed + weight.packed_offset,
          K,
          weight.N(),
          K,
          0,
          std::min(floats_ahead, model.packed_layout.floats() - behind)};
}

}  // namespace

void multiply_weight(const Gpt2Model& model, Matrix out, ConstMatrix x, const WeightOperand& weight, const float* bias,
                     const Gpt2Workspace& space, const Epilogue& epilogue) noexcept {
  if (is_packed(model, weight)) {
    multiply(out, x, As::stored, packed_matrix(model, weight), bias, space.scratch, epilogue);
  } else {
    multiply(out, x, As::stored, weight.matrix(model.weights), weight.as, bias, space.scratch, Store::cached, epilogue);
  }
}

void multiply_weight_steps(const Gpt2Model& model, Matrix out, ConstMatrix x, const WeightOperand& weight,
                           std::size_t first, const Gpt2Workspace& space) noexcept {
  if (is_packed(model, weight)) {
    const PackedMatrix steps = packed_matrix(model, weight).steps(first, x.columns);
    if (first == 0) {
      multiply(out, x, As::stored, steps, nullptr, space.scratch);
    } else {
      multiply_add(out, x, As::stored, steps, space.scratch);
    }
    return;
  }
  const ConstMatrix whole = weight.matrix(model.weights);
  const ConstMatrix steps = weight.as == As::stored
                                ? ConstMatrix{whole.data + first * whole.stride, x.columns, whole.columns, whole.stride}
                                : ConstMatrix{whole.data + first, whole.rows, x.columns, whole.stride};
  if (first == 0) {
    multiply(out, x, As::stored, steps, weight.as, nullptr, space.scratch);
  } else {
    multiply_add(out, x, As::stored, steps, weight.as, space.scratch, weight.K() - first - x.columns);
  }
}

void multiply_gradient(const Gpt2Model& model, Matrix dweight, Into into, ConstMatrix left, ConstMatrix right,
                       const Gpt2Workspace& space) noexcept {
  constexpr std::size_t streamed_floats_min = 4 << 20;
  if (into == Into::replaced) {
    const Store store = model.layout.floats >= streamed_floats_min ? Store::streamed : Store::cached;
    multiply(dweight, left, As::transposed, right, As::stored, nullptr, space.scratch, store);
  } else {
    multiply_add(dweight, left, As::transposed, right, As::stored, space.scratch);
  }
}

TokenGrid gpt2_inputs(const TokenRows& rows) noexcept {
  return {rows.ids, rows.B, rows.T, rows.T + 1};
}

TokenGrid gpt2_targets(const TokenRows& rows) noexcept {
  return {rows.ids + 1, rows.B, rows.T, rows.T + 1};
}

void gpt2_forward(const Gpt2Model& model, const TokenGrid& inputs, const std::uint32_t* document_first,
                  const Gpt2Workspace& space, const Dropout& dropout) noexcept {
  const ModelShape& shape = model.shape;
  const Gpt2Layout& layout = model.layout;
  const float* const weights = model.weights;
  const std::size_t C = shape.channels;
  const Rows all{0, inputs.count()};

  embed(model, all.of(space.residual.of(0), C), inputs, 0);
  drop(all.of(space.residual.of(0), C), dropout, embedding_dropout);
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    gpt2_forward_again(model, layer, inputs, document_first, space, dropout);
    after_activation(model, layer, all, space, dropout);
  }
  norm_forward(shape, all.of(space.normed, C), space.means, space.rstds, all.of(space.residual.of(shape.layers), C),
               {weights + layout.final_gain, weights + layout.final_bias});
}

void gpt2_forward_again(const Gpt2Model& model, std::size_t layer, const TokenGrid& inputs,
                        const std::uint32_t* document_first, const Gpt2Workspace& space,
                        const Dropout& dropout) noexcept {
  const Rows all{0, inputs.count()};
  const AttentionShape attention = attention_shape(model.shape, inputs.B, inputs.T);
  before_attention(model, layer, {0, inputs.count(), inputs.T, 0}, space);
  attention_forward(space.attended.of(layer), space.statistics.of(layer), space.qkv.of(layer), attention, space.scratch,
                    document_first);
  before_activation(model, layer, all, space, dropout);
}

void gpt2_forward_positions(const Gpt2Model& model, const TokenGrid& sequence, std::size_t first, std::size_t last,
                            const Gpt2Workspace& space) noexcept {
  const std::size_t C = model.shape.channels;
  const Rows rows{first, last - first};
  const AttentionShape attention = attention_shape(model.shape, 1, model.shape.positions);

  embed(model, rows.of(space.residual.of(0), C), {sequence.ids + first, 1, rows.count, rows.count}, first);
  for (std::size_t layer = 0; layer < model.shape.layers; ++layer) {
    before_attention(model, layer, {first, rows.count, rows.count, first}, space);
    attention_forward_rows(space.attended.of(layer), space.qkv.of(layer), attention, first, last, space.scratch);
    before_activation(model, layer, rows, space, {});
    after_activation(model, layer, rows, space, {});
  }
}

}  // namespace compute
