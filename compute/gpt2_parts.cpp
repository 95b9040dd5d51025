#include "compute/gpt2_parts.hpp"

#include <algorithm>

#include "compute/gelu.hpp"
#include "compute/gelu_erf.hpp"
#include "compute/rmsnorm.hpp"
#include "compute/swiglu.hpp"

namespace compute {

namespace {

std::span<float> floats_of(Matrix x) noexcept {
  return {x.data, x.rows * x.columns};
}

std::span<const float> floats_of(ConstMatrix x) noexcept {
  return {x.data, x.rows * x.columns};
}

/// Visits every head of q and of k: visit(head, channel in a row, whether it is of q, whether it is the first of them).
template <class Visit>
void for_each_head(const ModelShape& shape, const Visit& visit) {
  const std::size_t D = shape.head_channels(), heads = shape.heads + shape.kv_head_count();
  for (std::size_t head = 0; head < heads; ++head)
    visit(head, head * D, head < shape.heads, head == 0 || head == shape.heads);
}

/// Channels of q and k together.
std::size_t qk_channels(const ModelShape& shape) noexcept {
  return shape.attention_channels() + shape.kv_channels();
}

/// The statistics of one head's norm, for the rows from `first` on.
float* head_rstds(const Gpt2Workspace& space, std::size_t layer, std::size_t head, std::size_t first) noexcept {
  return space.head_rstds.of(layer) + head * space.tokens + first;
}

/// What the norms of q and k were given.
Matrix unnormed(const ModelShape& shape, std::size_t layer, const TokenSpan& rows,
                const Gpt2Workspace& space) noexcept {
  const std::size_t columns = qk_channels(shape);
  return dense(space.unnormed.of(layer) + rows.first * columns, rows.count, columns);
}

void turn_heads(const ModelShape& shape, const TokenSpan& rows, Matrix qkv, Turn turn) noexcept {
  if (shape.position_kind != Positions::rotary) return;
  const float* table = rope_table(shape.rope, shape.head_channels(), shape.positions);
  rope_rotate({qkv.data, qkv.rows, qk_channels(shape), qkv.stride}, table, shape.head_channels(), rows.T,
              rows.first_position, turn);
}

}  // namespace

void norm_forward(const ModelShape& shape, Matrix out, float* means, float* rstds, ConstMatrix x,
                  NormParameters<const float> parameters) noexcept {
  if (shape.norm == Norm::layer) {
    layernorm_forward(out, means, rstds, x, parameters.gain, parameters.bias);
  } else {
    rmsnorm_forward(out, rstds, x, parameters.gain, shape.norm_epsilon);
  }
}

void norm_backward(const ModelShape& shape, Matrix dx, Into into, NormParameters<float> gradient, ConstMatrix dout,
                   ConstMatrix x, const float* means, const float* rstds, const float* gain) noexcept {
  if (shape.norm == Norm::layer) {
    layernorm_backward(dx, into, gradient.gain, gradient.bias, dout, x, means, rstds, gain);
  } else {
    rmsnorm_backward(dx, into, gradient.gain, Into::replaced, dout, x, rstds, gain);
  }
}

void activation_forward(const ModelShape& shape, Matrix out, ConstMatrix hidden) noexcept {
  switch (shape.activation) {
    case Activation::gelu_tanh:
      return gelu_forward(floats_of(out), floats_of(hidden));
    case Activation::gelu_erf:
      return gelu_erf_forward(floats_of(out), floats_of(hidden));
    case Activation::swiglu:
      return swiglu_forward(out, hidden);
  }
}

Matrix activation_dout(const ModelShape& shape, Matrix dhidden, Matrix out) noexcept {
  return shape.activation == Activation::swiglu ? out : dhidden;
}

void activation_backward(const ModelShape& shape, Matrix dhidden, Matrix out, ConstMatrix hidden) noexcept {
  switch (shape.activation) {
    case Activation::gelu_tanh:
      return gelu_backward(floats_of(dhidden), floats_of(out), floats_of(dhidden), floats_of(hidden));
    case Activation::gelu_erf:
      return gelu_erf_backward(floats_of(dhidden), floats_of(out), floats_of(dhidden), floats_of(hidden));
    case Activation::swiglu:
      return swiglu_backward(dhidden, out, out, hidden);
  }
}

void place_queries_and_keys(const ModelShape& shape, std::size_t layer, const TokenSpan& rows, const float* q_gain,
                            const float* k_gain, const Gpt2Workspace& space) noexcept {
  const std::size_t columns = shape.qkv_channels(), D = shape.head_channels();
  const Matrix qkv = dense(space.qkv.of(layer) + rows.first * columns, rows.count, columns);
  if (shape.qk_norm) {
    const Matrix before = unnormed(shape, layer, rows, space);
    for (std::size_t row = 0; row < rows.count; ++row)
      std::copy_n(qkv.data + row * qkv.stride, before.columns, before.data + row * before.stride);
    for_each_head(shape, [&](std::size_t head, std::size_t channel, bool of_q, bool) {
      rmsnorm_forward({qkv.data + channel, rows.count, D, qkv.stride}, head_rstds(space, layer, head, rows.first),
                      {before.data + channel, rows.count, D, before.stride}, of_q ? q_gain : k_gain,
                      shape.norm_epsilon);
    });
  }
  turn_heads(shape, rows, qkv, Turn::forward);
}

void place_queries_and_keys_backward(const ModelShape& shape, std::size_t layer, const TokenSpan& rows, Matrix dqkv,
                                     const float* q_gain, const float* k_gain, float* dq_gain, float* dk_gain,
                                     const Gpt2Workspace& space) noexcept {
  turn_heads(shape, rows, dqkv, Turn::back);
  if (!shape.qk_norm) return;
  const std::size_t D = shape.head_channels();
  const Matrix before = unnormed(shape, layer, rows, space);
  for_each_head(shape, [&](std::size_t head, std::size_t channel, bool of_q, bool first) {
    const Matrix gradient{dqkv.data + channel, rows.count, D, dqkv.stride};
    rmsnorm_backward(gradient, Into::replaced, of_q ? dq_gain : dk_gain, first ? Into::replaced : Into::added, gradient,
                     {before.data + channel, rows.count, D, before.stride}, head_rstds(space, layer, head, rows.first),
                     of_q ? q_gain : k_gain);
  });
}

}  // namespace compute
