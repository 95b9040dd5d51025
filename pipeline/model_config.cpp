#include "pipeline/model_config.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include "pipeline/checkpoint_error.hpp"

namespace pipeline {
namespace {

constexpr std::uint64_t dimension_max = 1u << 24;  // beyond any model; keeps products of two within 64 bits

std::size_t dimension(simdjson::dom::object config, const char* key, const std::string& name) {
  std::uint64_t value = 0;
  if (config[key].get(value) != simdjson::SUCCESS || value == 0 || value > dimension_max)
    throw CheckpointError(fmt::format("{}: \"{}\" is not a number from 1 to {}", name, key, dimension_max));
  return value;
}

void require_text(simdjson::dom::object config, const char* key, std::string_view wanted, const std::string& name) {
  std::string_view value;
  if (config[key].get(value) != simdjson::SUCCESS || value != wanted)
    throw CheckpointError(fmt::format("{}: \"{}\" is not \"{}\", and no other is supported yet", name, key, wanted));
}

}  // namespace

std::string gpt2_config_json(const compute::Gpt2Shape& shape, io::TokenId end_of_text) {
  return fmt::format(R"({{
  "model_type": "gpt2",
  "architectures": ["GPT2LMHeadModel"],
  "vocab_size": {},
  "n_positions": {},
  "n_ctx": {},
  "n_embd": {},
  "n_layer": {},
  "n_head": {},
  "n_inner": null,
  "activation_function": "gelu_new",
  "layer_norm_epsilon": 1e-05,
  "initializer_range": 0.02,
  "resid_pdrop": 0.0,
  "embd_pdrop": 0.0,
  "attn_pdrop": 0.0,
  "tie_word_embeddings": true,
  "bos_token_id": {},
  "eos_token_id": {},
  "torch_dtype": "float32"
}}
)",
                     shape.vocabulary, shape.positions, shape.positions, shape.channels, shape.layers, shape.heads,
                     end_of_text, end_of_text);
}

compute::Gpt2Shape parse_config_json(std::string_view json, const std::string& name) {
  simdjson::dom::parser parser;
  simdjson::dom::object config;
  if (parser.parse(simdjson::padded_string(json)).get(config) != simdjson::SUCCESS)
    throw CheckpointError(name + ": not a JSON object");
  require_text(config, "model_type", "gpt2", name);
  require_text(config, "activation_function", "gelu_new", name);
  compute::Gpt2Shape shape{};
  shape.layers = dimension(config, "n_layer", name);
  shape.heads = dimension(config, "n_head", name);
  shape.channels = dimension(config, "n_embd", name);
  shape.vocabulary = dimension(config, "vocab_size", name);
  shape.positions = dimension(config, "n_positions", name);
  if (shape.channels % shape.heads != 0)
    throw CheckpointError(
        fmt::format("{}: n_embd {} is not a multiple of n_head {}", name, shape.channels, shape.heads));
  return shape;
}

}  // namespace pipeline
