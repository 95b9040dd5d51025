#include "compute/gpt2_forward.hpp"

#include "compute/adamw.hpp"
#include "compute/attention.hpp"
#include "compute/dropout.hpp"
#include "compute/embedding.hpp"
#include "compute/gelu.hpp"
#include "compute/layernorm.hpp"
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

/// out = x weight + bias, for a weight stored (inputs, outputs).
void linear(Matrix out, ConstMatrix x, const float* weight, const float* bias, const Gpt2Workspace& space) noexcept {
  multiply(out, x, As::stored, dense(weight, x.columns, out.columns), As::stored, bias, space.scratch);
}

void add_rows(Matrix out, ConstMatrix a, ConstMatrix b) noexcept {
  const std::size_t count = out.rows * out.columns;  // all three are dense
  add({out.data, count}, {a.data, count}, {b.data, count});
}

/// norm -> q, k, v of each token.
void before_attention(const Gpt2Model& model, std::size_t layer, Rows rows, const Gpt2Workspace& space) noexcept {
  const std::size_t C = model.shape.channels;
  const Matrix normed = rows.of(space.normed, C);
  layernorm_forward(normed, space.means, space.rstds, rows.of(space.residual.of(layer), C), model.of(layer, norm1_gain),
                    model.of(layer, norm1_bias));
  linear(rows.of(space.qkv.of(layer), 3 * C), normed, model.of(layer, attention_weight),
         model.of(layer, attention_bias), space);
}

void drop(Matrix x, const Dropout& dropout, std::uint32_t place) noexcept {
  if (dropout.rate > 0) compute::dropout(x.data, x.data, x.rows * x.columns, dropout, place);
}

/// What the heads found goes into the residual stream; then norm -> what enters the GELU.
void before_gelu(const Gpt2Model& model, std::size_t layer, Rows rows, const Gpt2Workspace& space,
                 const Dropout& dropout) noexcept {
  const std::size_t C = model.shape.channels;
  const Matrix normed = rows.of(space.normed, C);
  const Matrix middle = rows.of(space.middle.of(layer), C);
  linear(normed, rows.of(space.attended.of(layer), C), model.of(layer, projection_weight),
         model.of(layer, projection_bias), space);
  drop(normed, dropout, attention_dropout(layer));
  add_rows(middle, rows.of(space.residual.of(layer), C), normed);

  layernorm_forward(normed, space.means, space.rstds, middle, model.of(layer, norm2_gain), model.of(layer, norm2_bias));
  linear(rows.of(space.hidden.of(layer), 4 * C), normed, model.of(layer, expand_weight), model.of(layer, expand_bias),
         space);
}

/// The GELU's output goes into the residual stream.
void after_gelu(const Gpt2Model& model, std::size_t layer, Rows rows, const Gpt2Workspace& space,
                const Dropout& dropout) noexcept {
  const std::size_t C = model.shape.channels;
  const Matrix normed = rows.of(space.normed, C);
  const Matrix hidden = rows.of(space.hidden.of(layer), 4 * C);
  const Matrix activated = rows.of(space.activated, 4 * C);
  const std::size_t hidden_count = rows.count * 4 * C;
  gelu_forward({activated.data, hidden_count}, {hidden.data, hidden_count});
  linear(normed, activated, model.of(layer, contract_weight), model.of(layer, contract_bias), space);
  drop(normed, dropout, mlp_dropout(layer));
  add_rows(rows.of(space.residual.of(layer + 1), C), rows.of(space.middle.of(layer), C), normed);
}

void embed(const Gpt2Model& model, Matrix out, const TokenGrid& inputs, std::size_t first_position) noexcept {
  const auto& [shape, layout, weights] = model;
  embedding_forward(out, dense(weights + layout.token_embedding, shape.vocabulary, shape.channels),
                    dense(weights + layout.position_embedding, shape.positions, shape.channels), inputs,
                    first_position);
}

}  // namespace

TokenGrid gpt2_inputs(const TokenRows& rows) noexcept {
  return {rows.ids, rows.B, rows.T, rows.T + 1};
}

TokenGrid gpt2_targets(const TokenRows& rows) noexcept {
  return {rows.ids + 1, rows.B, rows.T, rows.T + 1};
}

void gpt2_forward(const Gpt2Model& model, const TokenGrid& inputs, const std::uint32_t* document_first,
                  const Gpt2Workspace& space, const Dropout& dropout) noexcept {
  const auto& [shape, layout, weights] = model;
  const std::size_t C = shape.channels;
  const Rows all{0, inputs.count()};

  embed(model, all.of(space.residual.of(0), C), inputs, 0);
  drop(all.of(space.residual.of(0), C), dropout, embedding_dropout);
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    gpt2_forward_again(model, layer, inputs, document_first, space, dropout);
    after_gelu(model, layer, all, space, dropout);
  }
  layernorm_forward(all.of(space.normed, C), space.means, space.rstds, all.of(space.residual.of(shape.layers), C),
                    weights + layout.final_gain, weights + layout.final_bias);
}

void gpt2_forward_again(const Gpt2Model& model, std::size_t layer, const TokenGrid& inputs,
                        const std::uint32_t* document_first, const Gpt2Workspace& space,
                        const Dropout& dropout) noexcept {
  const Rows all{0, inputs.count()};
  const AttentionShape attention{inputs.B, inputs.T, model.shape.channels, model.shape.heads};
  before_attention(model, layer, all, space);
  attention_forward(space.attended.of(layer), space.probabilities.of(layer), space.qkv.of(layer), attention,
                    space.scratch, document_first);
  before_gelu(model, layer, all, space, dropout);
}

void gpt2_forward_positions(const Gpt2Model& model, const TokenGrid& sequence, std::size_t first, std::size_t last,
                            const Gpt2Workspace& space) noexcept {
  const std::size_t C = model.shape.channels;
  const Rows rows{first, last - first};
  const AttentionShape attention{1, model.shape.positions, C, model.shape.heads};

  embed(model, rows.of(space.residual.of(0), C), {sequence.ids + first, 1, rows.count, rows.count}, first);
  for (std::size_t layer = 0; layer < model.shape.layers; ++layer) {
    before_attention(model, layer, rows, space);
    attention_forward_rows(space.attended.of(layer), space.qkv.of(layer), attention, first, last, space.scratch);
    before_gelu(model, layer, rows, space, {});
    after_gelu(model, layer, rows, space, {});
  }
}

}  // namespace compute
