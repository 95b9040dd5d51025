#include <algorithm>
#include <cassert>
#include <cmath>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "compute/gpt2_layout.hpp"
#include "compute/random.hpp"

namespace compute {

namespace {

Tensor make_tensor(std::string name, std::vector<std::size_t> shape, std::size_t offset) {
  std::size_t count = 1;
  for (const std::size_t extent : shape) count *= extent;
  const bool decayed = shape.size() == 2;
  return {std::move(name), std::move(shape), offset, count, decayed};
}

/// One tensor of a checkpoint among those that lie in the place of a block's tensor; no inputs: a vector.
struct Part {
  std::string_view name;
  std::size_t inputs, outputs;
};

/// The list under way.
struct TensorList {
  explicit TensorList(const ModelShape& s) : shape(s), layout(gpt2_layout(s)) {}

  void add(std::string name, std::vector<std::size_t> extents, std::size_t offset) {
    tensors.push_back(make_tensor(std::move(name), std::move(extents), offset));
  }
  /// The parts of a block's tensor, one behind the other; none if the shape does not have it.
  void add(const std::string& block, std::size_t layer, BlockTensor tensor, std::initializer_list<Part> parts) {
    if (block_tensor_floats(shape, tensor) == 0) return;
    std::size_t offset = layout.of(layer, tensor);
    for (const Part& part : parts) {
      std::vector<std::size_t> extents = {part.outputs};
      const bool outputs_first = shape.family != Family::gpt2;
      if (part.inputs != 0) extents.insert(outputs_first ? extents.end() : extents.begin(), part.inputs);
      add(block + std::string(part.name), std::move(extents), offset);
      offset += tensors.back().count;
    }
  }

  void add_gpt2_block(std::size_t layer);
  void add_llama_block(std::size_t layer);

  const ModelShape& shape;
  Gpt2Layout layout;
  std::vector<Tensor> tensors;
};

void TensorList::add_gpt2_block(std::size_t layer) {
  using enum BlockTensor;
  const std::string block = "transformer.h." + std::to_string(layer) + ".";
  const std::size_t C = shape.channels, hidden = shape.hidden_channels();
  add(block, layer, norm1_gain, {{"ln_1.weight", 0, C}});
  add(block, layer, norm1_bias, {{"ln_1.bias", 0, C}});
  add(block, layer, attention_weight, {{"attn.c_attn.weight", C, 3 * C}});
  add(block, layer, attention_bias, {{"attn.c_attn.bias", 0, 3 * C}});
  add(block, layer, projection_weight, {{"attn.c_proj.weight", C, C}});
  add(block, layer, projection_bias, {{"attn.c_proj.bias", 0, C}});
  add(block, layer, norm2_gain, {{"ln_2.weight", 0, C}});
  add(block, layer, norm2_bias, {{"ln_2.bias", 0, C}});
  add(block, layer, expand_weight, {{"mlp.c_fc.weight", C, hidden}});
  add(block, layer, expand_bias, {{"mlp.c_fc.bias", 0, hidden}});
  add(block, layer, contract_weight, {{"mlp.c_proj.weight", hidden, C}});
  add(block, layer, contract_bias, {{"mlp.c_proj.bias", 0, C}});
}

void TensorList::add_llama_block(std::size_t layer) {
  using enum BlockTensor;
  const std::string block = "model.layers." + std::to_string(layer) + ".";
  const std::size_t C = shape.channels, D = shape.head_channels(), F = shape.activated_channels();
  const std::size_t q = shape.attention_channels(), kv = shape.kv_channels();
  add(block, layer, norm1_gain, {{"input_layernorm.weight", 0, C}});
  add(block, layer, attention_weight,
      {{"self_attn.q_proj.weight", C, q}, {"self_attn.k_proj.weight", C, kv}, {"self_attn.v_proj.weight", C, kv}});
  add(block, layer, attention_bias,
      {{"self_attn.q_proj.bias", 0, q}, {"self_attn.k_proj.bias", 0, kv}, {"self_attn.v_proj.bias", 0, kv}});
  add(block, layer, q_norm_gain, {{"self_attn.q_norm.weight", 0, D}});
  add(block, layer, k_norm_gain, {{"self_attn.k_norm.weight", 0, D}});
  add(block, layer, projection_weight, {{"self_attn.o_proj.weight", q, C}});
  add(block, layer, projection_bias, {{"self_attn.o_proj.bias", 0, C}});
  add(block, layer, norm2_gain, {{"post_attention_layernorm.weight", 0, C}});
  add(block, layer, expand_weight, {{"mlp.gate_proj.weight", C, F}, {"mlp.up_proj.weight", C, F}});
  add(block, layer, expand_bias, {{"mlp.gate_proj.bias", 0, F}, {"mlp.up_proj.bias", 0, F}});
  add(block, layer, contract_weight, {{"mlp.down_proj.weight", F, C}});
  add(block, layer, contract_bias, {{"mlp.down_proj.bias", 0, C}});
}

/// Elements [begin, end) of the tensor `values`.
void fill_normal(float* values, std::size_t begin, std::size_t end, const RandomStream& stream, double deviation) {
  if (begin % 2 != 0 && begin < end) {
    values[begin] = static_cast<float>(deviation * stream.normal(begin));
    ++begin;
  }
  for (std::size_t i = begin; i < end; i += 2) {
    const auto [first, second] = stream.normal_pair(i / 2);
    values[i] = static_cast<float>(deviation * first);
    if (i + 1 < end) values[i + 1] = static_cast<float>(deviation * second);
  }
}

}  // namespace

std::size_t block_tensor_floats(const ModelShape& shape, BlockTensor tensor) noexcept {
  using enum BlockTensor;
  const std::size_t C = shape.channels;
  switch (tensor) {
    case norm1_gain:
    case norm2_gain:
      return C;
    case norm1_bias:
    case norm2_bias:
      return shape.norm == Norm::layer ? C : 0;
    case attention_weight:
      return C * shape.qkv_channels();
    case attention_bias:
      return shape.qkv_bias ? shape.qkv_channels() : 0;
    case q_norm_gain:
    case k_norm_gain:
      return shape.qk_norm ? shape.head_channels() : 0;
    case projection_weight:
      return shape.attention_channels() * C;
    case projection_bias:
      return shape.projection_bias ? C : 0;
    case expand_weight:
      return C * shape.hidden_channels();
    case expand_bias:
      return shape.mlp_bias ? shape.hidden_channels() : 0;
    case contract_weight:
      return shape.activated_channels() * C;
    case contract_bias:
      return shape.mlp_bias ? C : 0;
  }
  return 0;
}

Gpt2Layout gpt2_layout(const Gpt2Shape& shape) noexcept {
  const std::size_t C = shape.channels;
  Gpt2Layout layout{};
  std::size_t used = 0;
  const auto place = [&used](std::size_t count) {
    const std::size_t offset = used;
    used += aligned_floats(count);
    return offset;
  };
  layout.token_embedding = place(shape.vocabulary * C);
  layout.position_embedding = place(shape.position_kind == Positions::learned ? shape.positions * C : 0);
  layout.first_block = used;
  for (std::size_t i = 0; i < block_tensors_count; ++i) {
    layout.in_block[i] = layout.block_floats;
    layout.block_floats += aligned_floats(block_tensor_floats(shape, static_cast<BlockTensor>(i)));
  }
  used += shape.layers * layout.block_floats;
  layout.final_gain = place(C);
  layout.final_bias = place(shape.norm == Norm::layer ? C : 0);
  layout.head = shape.tied ? layout.token_embedding : place(shape.vocabulary * C);
  layout.floats = used;
  return layout;
}

std::vector<Tensor> gpt2_tensors(const Gpt2Shape& shape) {
  TensorList list(shape);
  const std::size_t C = shape.channels;
  const bool gpt2 = shape.family == Family::gpt2;
  list.add(gpt2 ? "transformer.wte.weight" : "model.embed_tokens.weight", {shape.vocabulary, C},
           list.layout.token_embedding);
  if (shape.position_kind == Positions::learned)
    list.add("transformer.wpe.weight", {shape.positions, C}, list.layout.position_embedding);
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    if (gpt2) {
      list.add_gpt2_block(layer);
    } else {
      list.add_llama_block(layer);
    }
  }
  list.add(gpt2 ? "transformer.ln_f.weight" : "model.norm.weight", {C}, list.layout.final_gain);
  if (shape.norm == Norm::layer)
    list.add(gpt2 ? "transformer.ln_f.bias" : "model.norm.bias", {C}, list.layout.final_bias);
  if (!shape.tied) list.add("lm_head.weight", {shape.vocabulary, C}, list.layout.head);
  return std::move(list.tensors);
}

std::size_t gpt2_floats(const Gpt2Shape& shape) {
  return gpt2_layout(shape).floats;
}

std::size_t gpt2_parameters(const Gpt2Shape& shape) {
  std::size_t sum = 0;
  for (const Tensor& tensor : gpt2_tensors(shape)) sum += tensor.count;
  return sum;
}

void gpt2_initialize(std::span<float> weights, const Gpt2Shape& shape, std::uint64_t seed) {
  gpt2_initialize(weights, shape, seed, 0, weights.size());
}

void gpt2_initialize(std::span<float> weights, const Gpt2Shape& shape, std::uint64_t seed, std::size_t first,
                     std::size_t last) {
  assert(weights.size() == gpt2_floats(shape) && first <= last && last <= weights.size());
  const double deviation = shape.initial_deviation;
  const double residual_deviation = deviation / std::sqrt(2.0 * static_cast<double>(shape.layers));
  std::fill(weights.data() + first, weights.data() + last, 0.0f);
  const auto tensors = gpt2_tensors(shape);
  for (std::size_t site = 0; site < tensors.size(); ++site) {
    const Tensor& tensor = tensors[site];
    float* const values = weights.data() + tensor.offset;
    const std::size_t begin = std::max(first, tensor.offset) - tensor.offset;
    const std::size_t end = std::min(std::max(last, tensor.offset) - tensor.offset, tensor.count);
    if (begin >= end) continue;
    const bool is_projection = tensor.name.ends_with("c_proj.weight");
    if (tensor.decayed) {
      const RandomStream stream(seed, RandomPurpose::initialization, static_cast<std::uint32_t>(site));
      fill_normal(values, begin, end, stream, is_projection ? residual_deviation : deviation);
    } else if (tensor.name.ends_with(".weight")) {
      std::fill(values + begin, values + end, 1.0f);  // the gain of a norm
    }
  }
}

}  // namespace compute
