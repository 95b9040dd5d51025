#include "pipeline/model_config.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <optional>

#include "pipeline/checkpoint_error.hpp"

namespace pipeline {
namespace {

using compute::Activation;
using compute::Family;
using compute::ModelShape;
using compute::RopeScaling;

constexpr std::uint64_t dimension_max = 1u << 24;  // beyond any model; keeps products of two within 64 bits

/// A config.json being read: every key that is asked for is there with the right type or is refused by name.
class Config {
 public:
  Config(simdjson::dom::object object, std::string name) : object_(object), name_(std::move(name)) {}

  [[noreturn]] void refuse(std::string_view key, std::string_view why) const {
    throw CheckpointError(fmt::format("{}: \"{}\" {}", name_, key, why));
  }

  /// Whether the key is there and is not null.
  bool has(std::string_view key) const {
    simdjson::dom::element value;
    return object_[key].get(value) == simdjson::SUCCESS && !value.is_null();
  }
  std::size_t dimension(std::string_view key) const {
    std::uint64_t value = 0;
    if (object_[key].get(value) != simdjson::SUCCESS || value == 0 || value > dimension_max)
      refuse(key, fmt::format("is not a number from 1 to {}", dimension_max));
    return value;
  }
  std::size_t dimension_or(std::string_view key, std::size_t otherwise) const {
    return has(key) ? dimension(key) : otherwise;
  }
  bool flag_or(std::string_view key, bool otherwise) const {
    if (!has(key)) return otherwise;
    bool value = false;
    if (object_[key].get(value) != simdjson::SUCCESS) refuse(key, "is neither true nor false");
    return value;
  }
  /// A positive number.
  std::optional<double> number(std::string_view key) const {
    if (!has(key)) return {};
    double value = 0;
    if (object_[key].get(value) != simdjson::SUCCESS || !(value > 0)) refuse(key, "is not a number above zero");
    return value;
  }
  double required_number(std::string_view key) const {
    const std::optional<double> value = number(key);
    if (!value) refuse(key, "is missing");
    return *value;
  }
  std::string text_or(std::string_view key, std::string_view otherwise) const {
    if (!has(key)) return std::string(otherwise);
    std::string_view value;
    if (object_[key].get(value) != simdjson::SUCCESS) refuse(key, "is not a string");
    return std::string(value);
  }
  void require_flag(std::string_view key, bool wanted) const {
    if (flag_or(key, wanted) != wanted)
      refuse(key, fmt::format("is {}, and only {} is supported yet", !wanted, wanted));
  }
  void require_absent(std::string_view key) const {
    if (has(key)) refuse(key, "is set, which is not supported yet");
  }
  std::optional<Config> object(std::string_view key) const {
    if (!has(key)) return {};
    simdjson::dom::object value;
    if (object_[key].get(value) != simdjson::SUCCESS) refuse(key, "is not an object");
    return Config(value, fmt::format("{}: \"{}\"", name_, key));
  }
  /// Every entry of a list of strings is this one, if there is a list.
  void require_all(std::string_view key, std::string_view wanted) const {
    if (!has(key)) return;
    simdjson::dom::array list;
    if (object_[key].get(list) != simdjson::SUCCESS) refuse(key, "is not a list");
    for (const simdjson::dom::element element : list) {
      std::string_view value;
      if (element.get(value) != simdjson::SUCCESS || value != wanted)
        refuse(key, fmt::format("has an entry that is not \"{}\", and no other is supported yet", wanted));
    }
  }

 private:
  simdjson::dom::object object_;
  std::string name_;
};

ModelShape parse_gpt2(const Config& config) {
  ModelShape shape{};
  const std::string activation = config.text_or("activation_function", "gelu_new");
  if (activation == "gelu") {
    shape.activation = Activation::gelu_erf;
  } else if (activation != "gelu_new" && activation != "gelu_pytorch_tanh") {
    config.refuse(
        "activation_function",
        fmt::format("is \"{}\", and only gelu_new, gelu_pytorch_tanh and gelu are supported yet", activation));
  }
  shape.layers = config.dimension("n_layer");
  shape.heads = config.dimension("n_head");
  shape.channels = config.dimension("n_embd");
  shape.vocabulary = config.dimension("vocab_size");
  shape.positions = config.dimension("n_positions");
  shape.own_hidden = config.dimension_or("n_inner", 0);
  if (shape.own_hidden == 4 * shape.channels) shape.own_hidden = 0;
  shape.tied = config.flag_or("tie_word_embeddings", true);
  if (shape.channels % shape.heads != 0)
    config.refuse("n_head", fmt::format("is {}, which does not divide n_embd {}", shape.heads, shape.channels));
  const double epsilon = config.number("layer_norm_epsilon").value_or(1e-5);
  if (epsilon != 1e-5) config.refuse("layer_norm_epsilon", fmt::format("is {}, and only 1e-05 is supported", epsilon));
  config.require_flag("scale_attn_weights", true);
  config.require_flag("scale_attn_by_inverse_layer_idx", false);
  config.require_flag("add_cross_attention", false);
  return shape;
}

void parse_rope(const Config& config, ModelShape& shape) {
  compute::RopeAngles& rope = shape.rope;
  // Until version 4 of transformers "rope_theta" and "rope_scaling", since then both in "rope_parameters".
  rope.theta = config.number("rope_theta").value_or(10000);
  for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
    const std::optional<Config> scaling = config.object(key);
    if (!scaling) continue;
    if (const auto theta = scaling->number("rope_theta")) rope.theta = *theta;
    const std::string kind = scaling->text_or("rope_type", scaling->text_or("type", "default"));
    if (kind == "linear") {
      rope.scaling = RopeScaling::linear;
      rope.factor = scaling->required_number("factor");
    } else if (kind == "llama3") {
      rope.scaling = RopeScaling::llama3;
      rope.factor = scaling->required_number("factor");
      rope.low_frequency_factor = scaling->required_number("low_freq_factor");
      rope.high_frequency_factor = scaling->required_number("high_freq_factor");
      rope.original_positions = scaling->required_number("original_max_position_embeddings");
      if (rope.high_frequency_factor <= rope.low_frequency_factor)
        scaling->refuse("high_freq_factor", "is not above \"low_freq_factor\"");
    } else if (kind != "default") {
      scaling->refuse("rope_type",
                      fmt::format("is \"{}\", and only default, linear and llama3 are supported yet", kind));
    }
  }
  const double turned = config.number("partial_rotary_factor").value_or(1);
  if (turned != 1) config.refuse("partial_rotary_factor", fmt::format("is {}, and only 1 is supported yet", turned));
}

ModelShape parse_llama(const Config& config, std::string_view type) {
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
  shape.projection_bias = type != "qwen2" && config.flag_or("attention_bias", false);
  shape.qkv_bias = type == "qwen2" || shape.projection_bias;
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
  if (activation != "silu")
    config.refuse("hidden_act", fmt::format("is \"{}\", and only silu is supported yet", activation));
  if (config.dimension_or("pretraining_tp", 1) != 1)
    config.refuse("pretraining_tp", "is not 1, which is not supported");
  config.require_flag("use_sliding_window", false);
  config.require_all("layer_types", "full_attention");
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
  "initializer_range": 0.02,
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
                     shape.activation == Activation::gelu_erf ? "gelu" : "gelu_new", shape.tied, end_of_text,
                     end_of_text);
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
  "initializer_range": 0.02,
  "tie_word_embeddings": {},
  "bos_token_id": {},
  "eos_token_id": {},
  "torch_dtype": "float32"
}}
)",
                     type, architecture, shape.vocabulary, shape.positions, shape.channels, shape.activated_channels(),
                     shape.layers, shape.heads, shape.kv_head_count(), shape.head_channels(), shape.norm_epsilon,
                     shape.rope.theta, rope_scaling_json(shape.rope), biases_json(shape, type), shape.tied, end_of_text,
                     end_of_text);
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

ModelShape parse_config_json(std::string_view json, const std::string& name) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(simdjson::padded_string(json)).get(object) != simdjson::SUCCESS)
    throw CheckpointError(name + ": not a JSON object");
  const Config config(object, name);
  config.require_absent("quantization_config");
  const std::string type = config.text_or("model_type", "");
  if (type == "gpt2") return parse_gpt2(config);
  if (type == "llama" || type == "qwen2" || type == "qwen3") return parse_llama(config, type);
  config.refuse("model_type", fmt::format("is \"{}\", and only gpt2, llama, qwen2 and qwen3 are supported yet", type));
}

}  // namespace pipeline
