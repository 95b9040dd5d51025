// The tensors' half of pipeline/gguf_export.hpp: their names, their order and that of their numbers.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>
#include <utility>

#include "pipeline/gguf_export.hpp"
#include "pipeline/model_config.hpp"

namespace pipeline {
namespace {

using compute::Family;
using compute::ModelShape;
using compute::RopeScaling;

using Names = std::pair<std::string_view, std::string_view>;

constexpr std::array names_outside = {
    Names{"transformer.wte.weight", "token_embd.weight"},
    Names{"transformer.wpe.weight", "position_embd.weight"},
    Names{"transformer.ln_f.weight", "output_norm.weight"},
    Names{"transformer.ln_f.bias", "output_norm.bias"},
    Names{"model.embed_tokens.weight", "token_embd.weight"},
    Names{"model.norm.weight", "output_norm.weight"},
    Names{"lm_head.weight", "output.weight"},
};

constexpr std::array block_prefixes = {std::string_view("transformer.h."), std::string_view("model.layers.")};

/// Before ".weight" and ".bias".
constexpr std::array names_in_block = {
    Names{"ln_1", "attn_norm"},
    Names{"attn.c_attn", "attn_qkv"},
    Names{"attn.c_proj", "attn_output"},
    Names{"ln_2", "ffn_norm"},
    Names{"mlp.c_fc", "ffn_up"},
    Names{"mlp.c_proj", "ffn_down"},
    Names{"input_layernorm", "attn_norm"},
    Names{"self_attn.q_proj", "attn_q"},
    Names{"self_attn.k_proj", "attn_k"},
    Names{"self_attn.v_proj", "attn_v"},
    Names{"self_attn.o_proj", "attn_output"},
    Names{"self_attn.q_norm", "attn_q_norm"},
    Names{"self_attn.k_norm", "attn_k_norm"},
    Names{"post_attention_layernorm", "ffn_norm"},
    Names{"mlp.gate_proj", "ffn_gate"},
    Names{"mlp.up_proj", "ffn_up"},
    Names{"mlp.down_proj", "ffn_down"},
};

/// What follows "transformer.h." or the like; empty outside of the blocks.
std::string_view after_prefix(std::string_view name) {
  for (const std::string_view prefix : block_prefixes)
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  return {};
}

std::string_view translated(std::span<const Names> names, std::string_view name, const std::string& whole) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const Names& pair) { return pair.first == name; });
  if (found == names.end()) throw io::GgufError(whole + ": llama.cpp has no name for this tensor");
  return found->second;
}

std::string gguf_name(const std::string& name) {
  const std::string_view rest = after_prefix(name);
  if (rest.empty()) return std::string(translated(names_outside, name, name));
  const std::size_t layer_end = rest.find('.');
  const std::size_t last = rest.rfind('.');
  const std::string_view inside = rest.substr(layer_end + 1, last - layer_end - 1);
  return fmt::format("blk.{}.{}{}", rest.substr(0, layer_end), translated(names_in_block, inside, name),
                     rest.substr(last));
}

/// GPT-2 stores the matrices of its blocks as (inputs, outputs).
bool is_turned(const ModelShape& shape, const compute::Tensor& tensor) {
  return shape.family == Family::gpt2 && tensor.shape.size() == 2 && !after_prefix(tensor.name).empty();
}

/// llama.cpp turns neighbouring channels of a head in this architecture, where the model turns i and i + D/2.
std::size_t heads_with_pairs(const ModelShape& shape, const std::string& name) {
  if (model_type(shape) != "llama") return 0;
  if (name.find(".q_proj.") != name.npos) return shape.heads;
  return name.find(".k_proj.") != name.npos ? shape.kv_head_count() : 0;
}

std::vector<float> transposed(std::span<const float> from, std::size_t inputs, std::size_t outputs) {
  std::vector<float> to(from.size());
  for (std::size_t input = 0; input < inputs; ++input)
    for (std::size_t output = 0; output < outputs; ++output)
      to[output * inputs + input] = from[input * outputs + output];
  return to;
}

/// Rows i and i + D/2 of each head side by side.
std::vector<float> paired(std::span<const float> from, std::size_t heads, std::size_t D) {
  const std::size_t row_floats = from.size() / (heads * D);
  std::vector<float> to;
  to.reserve(from.size());
  for (std::size_t head = 0; head < heads; ++head) {
    for (std::size_t i = 0; i < D; ++i) {
      const std::size_t row = head * D + i / 2 + (i % 2) * (D / 2);
      const std::span<const float> of_row = from.subspan(row * row_floats, row_floats);
      to.insert(to.end(), of_row.begin(), of_row.end());
    }
  }
  return to;
}

/// What each frequency is divided by. Source: Hugging Face's rope type llama3.
std::vector<float> rope_divisors(const ModelShape& shape) {
  const compute::RopeAngles& rope = shape.rope;
  const std::size_t D = shape.head_channels();
  std::vector<float> divisors;
  for (std::size_t i = 0; i < D / 2; ++i) {
    const double share = 2 * static_cast<double>(i) / static_cast<double>(D);
    const double wavelength = 2 * std::numbers::pi * std::pow(rope.theta, share);
    const double turns = rope.original_positions / wavelength;
    const double smooth =
        (turns - rope.low_frequency_factor) / (rope.high_frequency_factor - rope.low_frequency_factor);
    const double kept = std::clamp(smooth, 0.0, 1.0);
    divisors.push_back(static_cast<float>(1 / ((1 - kept) / rope.factor + kept)));
  }
  return divisors;
}

}  // namespace

std::vector<GgufPart> gguf_parts(const Checkpoint& model, io::GgufType type) {
  std::vector<GgufPart> parts;
  for (const compute::Tensor& tensor : model.tensors) {
    io::GgufTensor to{gguf_name(tensor.name), tensor.shape, io::GgufType::f32};
    if (is_turned(model.shape, tensor)) std::reverse(to.shape.begin(), to.shape.end());
    // llama.cpp adds positions and norms as f32, whatever the rest is.
    if (to.shape.size() == 2 && to.name != "position_embd.weight") to.type = type;
    parts.push_back({std::move(to), &tensor});
  }
  if (model.shape.rope.scaling == RopeScaling::llama3)
    parts.push_back({{"rope_freqs.weight", {model.shape.head_channels() / 2}, io::GgufType::f32}, nullptr});
  return parts;
}

std::vector<float> gguf_values(const Checkpoint& model, const GgufPart& part) {
  if (part.tensor == nullptr) return rope_divisors(model.shape);
  const compute::Tensor& tensor = *part.tensor;
  const std::span<const float> from = model.weights.span().subspan(tensor.offset, tensor.count);
  if (is_turned(model.shape, tensor)) return transposed(from, tensor.shape[0], tensor.shape[1]);
  if (const std::size_t heads = heads_with_pairs(model.shape, tensor.name); heads != 0)
    return paired(from, heads, model.shape.head_channels());
  return {from.begin(), from.end()};
}

}  // namespace pipeline
