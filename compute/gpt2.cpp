#include "compute/gpt2.hpp"

#include <algorithm>
#include <cassert>

#include "compute/adamw.hpp"
#include "compute/gpt2_backward.hpp"
#include "compute/gpt2_forward.hpp"
#include "compute/gpt2_head.hpp"
#include "compute/gpt2_parts.hpp"
#include "compute/product.hpp"

namespace compute {

namespace {

[[maybe_unused]] bool is_valid(const ModelShape& shape) noexcept {
  const bool heads = shape.heads > 0 && shape.heads % shape.kv_head_count() == 0 &&
                     (shape.own_head_size != 0 || shape.channels % shape.heads == 0);
  const bool turns = shape.position_kind == Positions::learned || shape.head_channels() % 2 == 0;
  // GPT-2's files have no place for what is apart in Llama's, and the other way round.
  if (shape.family == Family::llama)
    return heads && turns && shape.norm == Norm::rms && shape.activation == Activation::swiglu &&
           shape.position_kind == Positions::rotary;
  return heads && turns && shape.norm == Norm::layer && shape.position_kind == Positions::learned && !shape.qk_norm &&
         shape.activation != Activation::swiglu && shape.qkv_channels() == 3 * shape.channels;
}

Gpt2Model model_of(const Gpt2Shape& shape, std::span<const float> weights) noexcept {
  assert(is_valid(shape));
  const Gpt2Model model{shape, gpt2_layout(shape), weights.data(), PackedLayout(shape), nullptr};
  assert(weights.size() == model.layout.floats);
  return model;
}

/// Each token's row of its embedding's gradient goes aside, and `left` stands in its place. Where an id comes again its
/// later rows are `left`, so that giving all back in any order adds what was there once.
void put_aside(Matrix aside, Matrix dtokens, const TokenGrid& inputs, float left) noexcept {
  for (std::size_t i = 0; i < aside.rows; ++i) {
    float* const row = dtokens.data + inputs.token(i) * dtokens.stride;
    std::copy_n(row, aside.columns, aside.data + i * aside.stride);
    std::fill_n(row, aside.columns, left);
  }
}

void add_back(Matrix dtokens, const TokenGrid& inputs, ConstMatrix aside) noexcept {
  for (std::size_t i = 0; i < aside.rows; ++i) {
    const std::span row(dtokens.data + inputs.token(i) * dtokens.stride, aside.columns);
    add(row, {aside.data + i * aside.stride, aside.columns}, row);
  }
}

/// Every id is checked once, here: the kernels index with them.
void check_ids([[maybe_unused]] std::span<const std::int32_t> ids, [[maybe_unused]] const Gpt2Shape& shape) noexcept {
  for ([[maybe_unused]] const std::int32_t id : ids) assert(id >= 0 && static_cast<std::size_t>(id) < shape.vocabulary);
}

void check_rows(const TokenRows& rows, const Gpt2Shape& shape) noexcept {
  assert(rows.B > 0 && rows.T > 0 && rows.T <= shape.positions);
  assert(rows.targets_count <= rows.B * rows.T);
  check_ids({rows.ids, rows.B * (rows.T + 1)}, shape);
}

}  // namespace

LossSum gpt2_gradient(std::span<float> gradient, const Gpt2Shape& shape, std::span<const float> weights,
                      const TokenRows& rows, std::span<float> workspace, const Objective& objective,
                      Activations activations, std::span<const float> packed, Into into) noexcept {
  check_rows(rows, shape);
  assert(rows.context == 0);
  assert(into == Into::replaced || gpt2_gradient_adds(rows.B * rows.T));
  Gpt2Model model = model_of(shape, weights);
  assert(packed.empty() || packed.size() == model.packed_layout.floats());
  if (!packed.empty()) model.packed = packed.data();
  const Gpt2Pass pass = activations == Activations::kept ? Gpt2Pass::gradient : Gpt2Pass::gradient_recomputed;
  const auto space = gpt2_workspace(shape, rows.B, rows.T, pass, workspace.data());
  assert(workspace.size() >= space.floats);
  assert(gradient.size() == weights.size());

  gpt2_forward(model, gpt2_inputs(rows), rows.document_first, space, objective.dropout);
  const TokenGrid inputs = gpt2_inputs(rows);
  const Matrix dtokens = dense(gradient.data() + model.layout.token_embedding, shape.vocabulary, shape.channels);
  const Matrix aside = dense(space.aside, inputs.count(), shape.channels);
  // The embedding's rows are sums of their own before they are added. Of tied ones these begin with the head's
  // gradient, to which -0 adds nothing.
  if (into == Into::added) put_aside(aside, dtokens, inputs, shape.tied ? -0.0f : 0.0f);
  const double nats = gpt2_head_gradient(gradient.data() + model.layout.head, into, model, gpt2_targets(rows),
                                         rows.targets_count, space, objective.loss);
  if (rows.between_passes.call != nullptr) rows.between_passes.call(rows.between_passes.argument);
  gpt2_backward(gradient, into, model, inputs, rows.document_first, space, objective.dropout, activations);
  if (into == Into::added) add_back(dtokens, inputs, aside);
  return {nats, rows.targets_count};
}

bool gpt2_gradient_adds(std::size_t tokens) noexcept {
  return tokens <= product_block;
}

LossSum gpt2_loss(const Gpt2Shape& shape, std::span<const float> weights, const TokenRows& rows,
                  std::span<float> workspace) noexcept {
  check_rows(rows, shape);
  const Gpt2Model model = model_of(shape, weights);
  const auto space = gpt2_workspace(shape, rows.B, rows.T, Gpt2Pass::loss, workspace.data());
  assert(workspace.size() >= space.floats);

  gpt2_forward(model, gpt2_inputs(rows), rows.document_first, space);
  if (rows.context == 0)
    return {gpt2_head_loss(model, gpt2_targets(rows), {0, rows.targets_count}, 0, space), rows.targets_count};
  LossSum sum{0, 0};
  for (std::size_t row = 0; row < rows.B; ++row) {
    const std::size_t begin = row * rows.T + rows.context;
    const std::size_t end = std::min((row + 1) * rows.T, rows.targets_count);
    if (begin >= end) break;
    sum.nats = gpt2_head_loss(model, gpt2_targets(rows), {begin, end}, sum.nats, space);
    sum.targets_count += end - begin;
  }
  return sum;
}

void gpt2_logits(std::span<float> logits, const Gpt2Shape& shape, std::span<const float> weights,
                 std::span<const std::int32_t> ids, std::size_t first, std::size_t last,
                 std::span<float> workspace) noexcept {
  assert(first < last && last <= shape.positions && last <= ids.size());
  assert(logits.size() == shape.vocabulary);
  check_ids(ids.subspan(first, last - first), shape);
  const Gpt2Model model = model_of(shape, weights);
  const auto space = gpt2_workspace(shape, 1, shape.positions, Gpt2Pass::generate, workspace.data());
  assert(workspace.size() >= space.floats);

  gpt2_forward_positions(model, {ids.data(), 1, last, last}, first, last, space);
  const std::size_t C = shape.channels;
  const Matrix normed = dense(space.normed, 1, C);
  norm_forward(shape, normed, space.means, space.rstds, dense(space.residual.of(shape.layers) + (last - 1) * C, 1, C),
               {weights.data() + model.layout.final_gain, weights.data() + model.layout.final_bias});
  multiply(dense(logits.data(), 1, shape.vocabulary), normed, As::stored,
           dense(weights.data() + model.layout.head, shape.vocabulary, C), As::transposed, nullptr, space.scratch);
}

}  // namespace compute
