// What config.json says comes back as it was written, Hugging Face's own files are understood, and what is not
// supported is refused by name.

#include "pipeline/model_config.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "pipeline/checkpoint_error.hpp"

namespace {

namespace data = boost::unit_test::data;
using compute::ModelShape;

ModelShape llama() {
  ModelShape shape{.layers = 2, .heads = 4, .channels = 48, .vocabulary = 300, .positions = 64};
  shape.family = compute::Family::llama;
  shape.norm = compute::Norm::rms;
  shape.norm_epsilon = 1e-6f;
  shape.position_kind = compute::Positions::rotary;
  shape.activation = compute::Activation::swiglu;
  shape.own_hidden = 100;
  shape.qkv_bias = shape.projection_bias = shape.mlp_bias = shape.tied = false;
  return shape;
}

template <class Change>
ModelShape changed(ModelShape shape, const Change& change) {
  change(shape);
  return shape;
}

const std::vector<ModelShape> shapes = {
    {2, 4, 48, 300, 64},
    changed({2, 4, 48, 300, 64},
            [](auto& shape) {
              shape.tied = false;
              shape.own_hidden = 100;
              shape.activation = compute::Activation::gelu_erf;
            }),
    llama(),
    changed(llama(),
            [](auto& shape) {
              shape.qkv_bias = shape.projection_bias = shape.mlp_bias = shape.tied = true;
              shape.kv_heads = 2;
              shape.rope = {500000, compute::RopeScaling::llama3, 32, 1, 4, 8192};
            }),
    changed(llama(),
            [](auto& shape) {
              shape.qkv_bias = true;
              shape.rope.scaling = compute::RopeScaling::linear;
              shape.rope.factor = 2.5;
            }),
    changed(llama(),
            [](auto& shape) {
              shape.qk_norm = true;
              shape.own_head_size = 32;
              shape.rope.theta = 1e6;
            }),
};

std::string refusal(const std::string& json) {
  try {
    pipeline::parse_config_json(json, "config.json");
  } catch (const pipeline::CheckpointError& error) {
    return error.what();
  }
  return "";
}

/// The text with `from` replaced by `to`.
std::string edited(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  BOOST_REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(model_config)

BOOST_DATA_TEST_CASE(a_shape_comes_back_as_it_was_written, data::xrange(shapes.size()), i) {
  const ModelShape& shape = shapes[i];
  const std::string json = pipeline::model_config_json(shape, 7);
  const ModelShape found = pipeline::parse_config_json(json, "config.json");
  BOOST_TEST((found == shape), json);
  BOOST_TEST(pipeline::model_config_json(found, 7) == json);
}

BOOST_AUTO_TEST_CASE(the_types_are_told_by_their_choices) {
  const std::vector<std::string> expected = {"gpt2", "gpt2", "llama", "llama", "qwen2", "qwen3"};
  for (std::size_t i = 0; i < shapes.size(); ++i) BOOST_TEST(pipeline::model_type(shapes[i]) == expected[i]);
}

BOOST_AUTO_TEST_CASE(the_configuration_of_llama_3_is_understood) {
  const ModelShape shape = pipeline::parse_config_json(R"({
    "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 128000,
    "eos_token_id": 128001, "head_dim": 64, "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
    "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "llama",
    "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8, "pretraining_tp": 1,
    "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
    "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0,
    "tie_word_embeddings": true, "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 128256})",
                                                       "config.json");
  BOOST_TEST(shape.kv_heads == 8U);
  BOOST_TEST(shape.own_head_size == 0U);
  BOOST_TEST(shape.hidden_channels() == 2 * 8192U);
  BOOST_TEST(shape.norm_epsilon == 1e-5f);
  BOOST_TEST((shape.rope == compute::RopeAngles{500000, compute::RopeScaling::llama3, 32, 1, 4, 8192}));
  BOOST_TEST(shape.tied);
  BOOST_TEST(!shape.qkv_bias);
}

BOOST_AUTO_TEST_CASE(newer_files_hold_the_rotation_in_one_object) {
  const std::string json =
      edited(edited(pipeline::model_config_json(shapes[5], 1), "\"rope_theta\": 1000000,", ""),
             "\"rope_scaling\": null", R"("rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"})");
  BOOST_TEST((pipeline::parse_config_json(json, "config.json") == shapes[5]));
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_refused_by_name) {
  const std::string gpt2 = pipeline::model_config_json(shapes[0], 1), llama = pipeline::model_config_json(shapes[2], 1);
  const auto refused_for = [](const std::string& json, const std::string& key, const std::string& value) {
    const std::string message = refusal(json);
    BOOST_TEST(message.find("config.json: ") == 0U, message);
    BOOST_TEST(message.find('"' + key + '"') != std::string::npos, message);
    BOOST_TEST(message.find(value) != std::string::npos, message);
  };
  refused_for(edited(gpt2, "\"gpt2\"", "\"mamba\""), "model_type", "mamba");
  refused_for(edited(gpt2, "gelu_new", "relu"), "activation_function", "relu");
  refused_for(edited(gpt2, "1e-05", "1e-06"), "layer_norm_epsilon", "1e-06");
  refused_for(edited(gpt2, "\"n_head\": 4", "\"n_head\": 5"), "n_head", "48");
  refused_for(edited(gpt2, "\"n_head\": 4", "\"n_head\": -4"), "n_head", "number");
  refused_for(edited(gpt2, "\"n_ctx\"", "\"scale_attn_weights\": false, \"n_ctx\""), "scale_attn_weights", "false");
  refused_for(edited(llama, "silu", "gelu"), "hidden_act", "gelu");
  refused_for(edited(llama, "\"num_key_value_heads\": 4", "\"num_key_value_heads\": 3"), "num_key_value_heads", "3");
  refused_for(edited(llama, "\"head_dim\": 12", "\"head_dim\": 11"), "head_dim", "11");
  refused_for(edited(llama, "\"rope_scaling\": null", R"("rope_scaling": {"rope_type": "yarn", "factor": 2})"),
              "rope_type", "yarn");
  refused_for(edited(llama, "\"rope_scaling\": null", R"("rope_scaling": {"rope_type": "linear"})"), "factor",
              "missing");
  refused_for(edited(llama, "\"rope_scaling\": null", "\"use_sliding_window\": true"), "use_sliding_window", "true");
  refused_for(edited(llama, "\"rope_scaling\": null", R"("layer_types": ["sliding_attention"])"), "layer_types",
              "full");
  refused_for(edited(llama, "\"rope_scaling\": null", R"("partial_rotary_factor": 0.5)"), "partial_rotary_factor",
              "0.5");
  refused_for(edited(llama, "\"rope_scaling\": null", R"("quantization_config": {})"), "quantization_config", "set");
  BOOST_TEST(refusal("[]") == "config.json: not a JSON object");
}

BOOST_AUTO_TEST_SUITE_END()
