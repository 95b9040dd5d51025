#include "pipeline/model_config.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <optional>

#include "pipeline/checkpoint_error.hpp"
#include "pipeline/model_config_object.hpp"

namespace pipeline {
namespace {

using compute::Activation;
using compute::Family;
using compute::ModelShape;
using compute::RopeScaling;

/// What both families' configurations say in the same way.
void parse_common(ModelConfigObject& config, ModelShape& shape) {
  config.require_absent("quantization_config");
  shape.initial_deviation = config.number("initializer_range").value_or(shape.initial_deviation);
}

ModelShape parse_gpt2(ModelConfigObject& config) {
  ModelShape shape{};
  const std::string activation = config.text_or("activation_function", "gelu_new");
  if (activation == "gelu") {
    shape.activation = Activation::gelu_erf;
  } else if (activation != "gelu_new" && activation != "gelu_pytorch_tanh") {
    config.refuse(
        "activation_function",
        fmt::format("is \"{}\", and only gelu_new, gelu_pytorch_tanh and gelu are supported yet", activation));
  }
  shape.layers = config.dimension("n_layer", "num_hidden_layers");
  shape.heads = config.dimension("n_head", "num_attention_heads");
  shape.channels = config.dimension("n_embd", "hidden_size");
  shape.vocabulary = config.dimension("vocab_size");
  shape.positions = config.dimension("n_positions", "max_position_embeddings");
  config.pass_over("n_ctx");  // what n_positions says, once the size of a mask
  shape.own_hidden = config.dimension_or("n_inner", 0);
  if (shape.own_hidden == 4 * shape.channels) shape.own_hidden = 0;
  shape.tied = config.flag_or("tie_word_embeddings", true);
  if (shape.channels % shape.heads != 0)
    config.refuse("n_head", fmt::format("is {}, which does not divide n_embd {}", shape.heads, shape.channels));
  const std::size_t kv_heads = config.dimension_or("num_key_value_heads", shape.heads);
  if (kv_heads != shape.heads)
    config.refuse("num_key_value_heads",
                  fmt::format("is {}, and in gpt2 only as many as n_head, {}, are supported", kv_heads, shape.heads));
  const double epsilon = config.number("layer_norm_epsilon").value_or(1e-5);
  if (epsilon != 1e-5) config.refuse("layer_norm_epsilon", fmt::format("is {}, and only 1e-05 is supported", epsilon));
  config.require_flag("scale_attn_weights", true);
  config.require_flag("scale_attn_by_inverse_layer_idx", false);
  config.require_flag("add_cross_attention", false);
  return shape;
}

void require_whole_turn(ModelConfigObject& config) {
  const double turned = config.number("partial_rotary_factor").value_or(1);
  if (turned != 1) config.refuse("partial_rotary_factor", fmt::format("is {}, and only 1 is supported yet", turned));
}

/// `theta`: where the object does not say it.
compute::RopeAngles parse_angles(ModelConfigObject& scaling, double theta) {
  compute::RopeAngles rope{};
  rope.theta = scaling.number("rope_theta").value_or(theta);
  require_whole_turn(scaling);
  const bool named = scaling.has("rope_type");
  const std::string older = scaling.text_or("type", "default");
  const std::string kind = scaling.text_or("rope_type", older);
  if (named && scaling.has("type") && kind != older)
    scaling.refuse("type", fmt::format("is \"{}\", and \"rope_type\" is \"{}\"; remove the wrong one", older, kind));
  if (kind == "llama3") {
    rope.scaling = RopeScaling::llama3;
    rope.factor = scaling.required_number("factor");
    rope.low_frequency_factor = scaling.required_number("low_freq_factor");
    rope.high_frequency_factor = scaling.required_number("high_freq_factor");
    rope.original_positions = scaling.required_number("original_max_position_embeddings");
    if (rope.high_frequency_factor <= rope.low_frequency_factor)
      scaling.refuse("high_freq_factor", "is not above \"low_freq_factor\"");
  } else if (kind == "linear") {
    rope.scaling = RopeScaling::linear;
    rope.factor = scaling.required_number("factor");
    scaling.pass_over("original_max_position_embeddings");  // all positions are scaled alike
  } else if (kind == "default") {
    const double factor = scaling.number("factor").value_or(1);
    if (factor != 1)
      scaling.refuse("factor",
                     fmt::format("is {} where \"rope_type\" {}; say linear or llama3, or remove the factor", factor,
                                 named || scaling.has("type") ? "is default, no scaling" : "is missing"));
  } else {
    scaling.refuse(named ? "rope_type" : "type",
                   fmt::format("is \"{}\", and only default, linear and llama3 are supported yet", kind));
  }
  scaling.require_no_more();
  return rope;
}

void parse_rope(ModelConfigObject& config, ModelShape& shape) {
  // Until version 4 of transformers "rope_theta" and "rope_scaling", since then both in "rope_parameters".
  const double theta = config.number("rope_theta").value_or(10000);
  std::optional<compute::RopeAngles> found;
  for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
    std::optional<ModelConfigObject> scaling = config.object(key);
    if (!scaling) continue;
    const compute::RopeAngles angles = parse_angles(*scaling, theta);
    if (found && *found != angles)
      config.refuse(key, "says something else than \"rope_scaling\"; remove the wrong one");
    found = angles;
  }
  shape.rope.theta = theta;
  if (found) shape.rope = *found;
  require_whole_turn(config);
}

/// Attention to all positions is what there is. Llama's class knows no "use_sliding_window", so that a window alone
/// is meant; Qwen's have it off unless that key says otherwise.
void require_full_attention(ModelConfigObject& config, std::string_view type, const ModelShape& shape) {
  config.require_all("layer_types", "full_attention");
  config.require_flag("use_sliding_window", false);
  config.pass_over("max_window_layers");
  if (type == "llama" && !config.has("use_sliding_window")) {
    const std::size_t window = config.dimension_or("sliding_window", shape.positions);
    if (window < shape.positions)
      config.refuse("sliding_window", fmt::format("is {}, fewer than the {} positions, which is not supported yet; "
                                                  "take a model without it",
                                                  window, shape.positions));
  }
  config.pass_over("sliding_window");
}

ModelShape parse_llama(ModelConfigObject& config, std::string_view type) {
  ModelShape shape{};
  shape.family = Family::llama;
  shape.norm = compute::Norm::rms;
  shape.position_kind = compute::Positions::rotary;
  shape.activation = Activation::swiglu;
  shape.layers = config.dimension("num_hidden_layers");
  shape.heads = config.dimension("num_attention_heads");
  shape.channels = config.dimension("hidden_size");
  shape.vocabulary = config.dimension("vocab_size");
  shape.positions = config.dimension("max_position_embeddings");
  shape.own_hidden = config.dimension("intermediate_size");
  shape.kv_heads = config.dimension_or("num_key_value_heads", shape.heads);
  shape.norm_epsilon = static_cast<float>(config.number("rms_norm_eps").value_or(1e-6));
  shape.tied = config.flag_or("tie_word_embeddings", false);
  shape.qk_norm = type == "qwen3";
  if (type == "qwen2") config.require_flag("attention_bias", true);  // q, k and v have it whatever is said
  shape.projection_bias = type != "qwen2" && config.flag_or("attention_bias", false);
  shape.qkv_bias = type == "qwen2" || shape.projection_bias;
  if (type != "llama") config.require_flag("mlp_bias", false);
  shape.mlp_bias = type == "llama" && config.flag_or("mlp_bias", false);
  const std::size_t head = config.dimension_or("head_dim", type == "qwen3" ? 128 : shape.channels / shape.heads);
  if (head * shape.heads != shape.channels) shape.own_head_size = head;
  if (shape.own_head_size != 0 && !config.has("head_dim") && type != "qwen3")
    config.refuse("num_attention_heads",
                  fmt::format("is {}, which does not divide hidden_size {}", shape.heads, shape.channels));
  if (head == 0 || head % 2 != 0) config.refuse("head_dim", fmt::format("is {}, which is not even", head));
  if (shape.heads % shape.kv_heads != 0)
    config.refuse("num_key_value_heads",
                  fmt::format("is {}, which does not divide num_attention_heads {}", shape.kv_heads, shape.heads));
  if (shape.kv_heads == shape.heads) shape.kv_heads = 0;
  const std::string activation = config.text_or("hidden_act", "silu");
  if (activation != "silu" && activation != "swish")  // two names of one function
    config.refuse("hidden_act", fmt::format("is \"{}\", and only silu, or swish, is supported yet", activation));
  const std::size_t slices = config.dimension_or("pretraining_tp", 1);
  if (slices != 1) config.refuse("pretraining_tp", fmt::format("is {}, and only 1 is supported", slices));
  config.require_flag("use_qk_norm", shape.qk_norm);
  require_full_attention(config, type, shape);
  parse_rope(config, shape);
  return shape;
}

std::string gpt2_json(const ModelShape& shape, io::TokenId end_of_text) {
  return fmt::format(R"({{
  "model_type": "gpt2",
  "architectures": ["GPT2LMHeadModel"],
  "vocab_size": {},
  "n_positions": {},
  "n_ctx": {},
  "n_embd": {},
  "n_layer": {},
  "n_head": {},
  "n_inner": {},
  "activation_function": "{}",
  "layer_norm_epsilon": 1e-05,
  "initializer_range": {},
  "resid_pdrop": 0.0,
  "embd_pdrop": 0.0,
  "attn_pdrop": 0.0,
  "tie_word_embeddings": {},
  "bos_token_id": {},
  "eos_token_id": {},
  "torch_dtype": "float32"
}}
)",
                     shape.vocabulary, shape.positions, shape.positions, shape.channels, shape.layers, shape.heads,
                     shape.own_hidden == 0 ? "null" : std::to_string(shape.own_hidden),
                     shape.activation == Activation::gelu_erf ? "gelu" : "gelu_new", shape.initial_deviation,
                     shape.tied, end_of_text, end_of_text);
}

std::string rope_scaling_json(const compute::RopeAngles& rope) {
  switch (rope.scaling) {
    case RopeScaling::none:
      return "null";
    case RopeScaling::linear:
      return fmt::format(R"({{"rope_type": "linear", "factor": {}}})", rope.factor);
    case RopeScaling::llama3:
      break;
  }
  return fmt::format(
      R"({{"rope_type": "llama3", "factor": {}, "low_freq_factor": {}, "high_freq_factor": {}, "original_max_position_embeddings": {}}})",
      rope.factor, rope.low_frequency_factor, rope.high_frequency_factor, rope.original_positions);
}

/// The entries that only one of the types has.
std::string biases_json(const ModelShape& shape, std::string_view type) {
  if (type == "qwen2") return "";
  std::string text = fmt::format("  \"attention_bias\": {},\n", shape.qkv_bias);
  if (type == "llama") text += fmt::format("  \"mlp_bias\": {},\n", shape.mlp_bias);
  return text;
}

std::string llama_json(const ModelShape& shape, io::TokenId end_of_text) {
  const std::string_view type = model_type(shape);
  const std::string_view architecture = type == "qwen3"   ? "Qwen3ForCausalLM"
                                        : type == "qwen2" ? "Qwen2ForCausalLM"
                                                          : "LlamaForCausalLM";
  return fmt::format(R"({{
  "model_type": "{}",
  "architectures": ["{}"],
  "vocab_size": {},
  "max_position_embeddings": {},
  "hidden_size": {},
  "intermediate_size": {},
  "num_hidden_layers": {},
  "num_attention_heads": {},
  "num_key_value_heads": {},
  "head_dim": {},
  "hidden_act": "silu",
  "rms_norm_eps": {},
  "rope_theta": {},
  "rope_scaling": {},
{}  "attention_dropout": 0.0,
  "initializer_range": {},
  "tie_word_embeddings": {},
  "bos_token_id": {},
  "eos_token_id": {},
  "torch_dtype": "float32"
}}
)",
                     type, architecture, shape.vocabulary, shape.positions, shape.channels, shape.activated_channels(),
                     shape.layers, shape.heads, shape.kv_head_count(), shape.head_channels(), shape.norm_epsilon,
                     shape.rope.theta, rope_scaling_json(shape.rope), biases_json(shape, type), shape.initial_deviation,
                     shape.tied, end_of_text, end_of_text);
}

}  // namespace

std::string_view model_type(const ModelShape& shape) noexcept {
  if (shape.family == Family::gpt2) return "gpt2";
  if (shape.qk_norm) return "qwen3";
  return shape.qkv_bias && !shape.projection_bias ? "qwen2" : "llama";
}

std::string model_config_json(const ModelShape& shape, io::TokenId end_of_text) {
  return shape.family == Family::gpt2 ? gpt2_json(shape, end_of_text) : llama_json(shape, end_of_text);
}

ModelShape parse_config_json(std::string_view json, const std::string& name, std::vector<std::string>* notes) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(simdjson::padded_string(json)).get(object) != simdjson::SUCCESS)
    throw CheckpointError(name + ": not a JSON object");
  ModelConfigObject config(object, name);
  const std::string type = config.text("model_type");
  ModelShape shape{};
  if (type == "gpt2") {
    shape = parse_gpt2(config);
  } else if (type == "llama" || type == "qwen2" || type == "qwen3") {
    shape = parse_llama(config, type);
  } else {
    config.refuse("model_type",
                  fmt::format("is \"{}\", and only gpt2, llama, qwen2 and qwen3 are supported yet", type));
  }
  parse_common(config, shape);
  const std::string dropout = config.dropout();
  config.require_no_more();
  if (notes != nullptr && !dropout.empty())
    notes->push_back(fmt::format("{}: its dropout ({}) is not taken; --dropout sets it", name, dropout));
  return shape;
}

}  // namespace pipeline
