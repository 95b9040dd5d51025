// What config.json says comes back as it was written, Hugging Face's own files are understood, and what is not
// supported is refused by name.

#include "pipeline/model_config.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <utility>
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

/// The text is refused in a line that names the key and has `value` in it.
void refused_for(const std::string& json, const std::string& key, const std::string& value) {
  const std::string message = refusal(json);
  BOOST_TEST(message.find("config.json: ") == 0U, message);
  BOOST_TEST(message.find('"' + key + '"') != std::string::npos, message);
  BOOST_TEST(message.find(value) != std::string::npos, message);
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

// What Hugging Face's classes have written, with all they write beside the model.
const std::vector<std::string> published = {
    R"({"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1,
    "bos_token_id": 50256, "embd_pdrop": 0.1, "eos_token_id": 50256, "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_inner": null,
    "n_layer": 12, "n_positions": 1024, "reorder_and_upcast_attn": false, "resid_pdrop": 0.1,
    "scale_attn_by_inverse_layer_idx": false, "scale_attn_weights": true, "summary_activation": null,
    "summary_first_dropout": 0.1, "summary_proj_to_labels": true, "summary_type": "cls_index",
    "summary_use_proj": true, "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}},
    "_num_labels": 1, "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}, "gradient_checkpointing": false,
    "add_cross_attention": false, "pad_token_id": null, "dtype": "float32", "transformers_version": "4.57.1",
    "tie_word_embeddings": true, "use_cache": true, "vocab_size": 50257})",
    R"({"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 0,
    "eos_token_id": 0, "hidden_act": "silu", "hidden_size": 576, "initializer_range": 0.041666666666666664,
    "intermediate_size": 1536, "is_llama_config": true, "max_position_embeddings": 8192, "mlp_bias": false,
    "model_type": "llama", "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3,
    "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_interleaved": false, "rope_scaling": null, "rope_theta": 100000,
    "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers_version": "4.40.1",
    "transformers.js_config": {"dtype": "q4"}, "use_cache": true, "vocab_size": 49152})",
    R"({"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643,
    "eos_token_id": 151643, "hidden_act": "silu", "hidden_size": 896, "initializer_range": 0.02,
    "intermediate_size": 4864, "max_position_embeddings": 32768, "max_window_layers": 24, "model_type": "qwen2",
    "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0, "sliding_window": 4096, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
    "transformers_version": "4.40.1", "use_cache": true, "use_mrope": false, "use_sliding_window": false,
    "vocab_size": 151936})",
    R"({"architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
    "bos_token_id": 151643, "eos_token_id": 151645, "pad_token_id": null, "head_dim": 128, "hidden_act": "silu",
    "hidden_size": 1024, "initializer_range": 0.02, "intermediate_size": 3072, "max_position_embeddings": 40960,
    "layer_types": ["full_attention", "full_attention"], "max_window_layers": 28, "model_type": "qwen3",
    "num_attention_heads": 16, "num_hidden_layers": 2, "num_key_value_heads": 8, "rms_norm_eps": 1e-06,
    "rope_parameters": {"rope_theta": 1000000, "rope_type": "default"}, "sliding_window": null,
    "tie_word_embeddings": true, "dtype": "bfloat16", "transformers_version": "5.0.0", "use_cache": true,
    "use_sliding_window": false, "vocab_size": 151936})",
};

BOOST_DATA_TEST_CASE(published_configurations_are_understood, data::xrange(published.size()), i) {
  BOOST_TEST(refusal(published[i]) == "");
}

BOOST_AUTO_TEST_CASE(the_deviation_of_initial_weights_is_the_files) {
  const ModelShape shape = pipeline::parse_config_json(published[1], "config.json");
  BOOST_TEST(shape.initial_deviation == 0.041666666666666664);
  BOOST_TEST(pipeline::parse_config_json(published[0], "config.json").initial_deviation == 0.02);
  BOOST_TEST((pipeline::parse_config_json(pipeline::model_config_json(shape, 1), "config.json") == shape));
}

BOOST_AUTO_TEST_CASE(dropout_that_is_asked_for_is_said_not_to_be_taken) {
  std::vector<std::string> notes;
  pipeline::parse_config_json(published[2], "config.json", &notes);
  BOOST_TEST(notes.empty());
  pipeline::parse_config_json(published[0], "config.json", &notes);
  BOOST_REQUIRE(notes.size() == 1U);
  BOOST_TEST(notes[0] ==
             "config.json: its dropout (attn_pdrop 0.1, embd_pdrop 0.1, resid_pdrop 0.1) is not taken; "
             "--dropout sets it");
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_refused_by_name) {
  const std::string gpt2 = pipeline::model_config_json(shapes[0], 1), llama = pipeline::model_config_json(shapes[2], 1);
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

BOOST_AUTO_TEST_CASE(what_is_missing_is_said_to_be_missing) {
  const std::string gpt2 = pipeline::model_config_json(shapes[0], 1), llama = pipeline::model_config_json(shapes[2], 1);
  BOOST_TEST(refusal(edited(gpt2, "\"n_layer\": 2,", "")) == "config.json: \"n_layer\" is missing");
  BOOST_TEST(refusal(edited(gpt2, "\"n_layer\": 2", "\"n_layer\": null")) == "config.json: \"n_layer\" is missing");
  BOOST_TEST(refusal(edited(llama, "\"hidden_size\": 48,", "")) == "config.json: \"hidden_size\" is missing");
  BOOST_TEST(refusal("{}") == "config.json: \"model_type\" is missing");
  refused_for(edited(gpt2, "\"n_layer\": 2", "\"n_layer\": 0"), "n_layer", "is 0, not a number from 1");
}

BOOST_AUTO_TEST_CASE(sizes_go_by_both_of_their_names) {
  const std::string gpt2 = pipeline::model_config_json(shapes[0], 1);
  BOOST_TEST((pipeline::parse_config_json(edited(gpt2, "n_layer", "num_hidden_layers"), "") == shapes[0]));
}

BOOST_AUTO_TEST_CASE(swish_is_another_name_of_silu) {
  const std::string llama = pipeline::model_config_json(shapes[2], 1);
  BOOST_TEST((pipeline::parse_config_json(edited(llama, "silu", "swish"), "config.json") == shapes[2]));
}

BOOST_AUTO_TEST_CASE(rotary_scaling_without_its_kind_is_refused) {
  const std::string llama = pipeline::model_config_json(shapes[2], 1);
  const auto scaled = [&](const std::string& scaling) {
    return edited(llama, "\"rope_scaling\": null", "\"rope_scaling\": " + scaling);
  };
  refused_for(scaled(R"({"factor": 4})"), "factor", "missing");
  refused_for(scaled(R"({"rope_type": "default", "factor": 4})"), "factor", "default");
  refused_for(scaled(R"({"rope_type": "linear", "type": "default", "factor": 4})"), "type", "linear");
  refused_for(scaled(R"({"type": "dynamic", "factor": 4})"), "type", "dynamic");
  refused_for(scaled(R"({"rope_type": "linear", "factor": 4, "beta_fast": 32})"), "beta_fast", "32");
  refused_for(scaled(R"(null, "rope_parameters": {"full_attention": {"rope_type": "yarn"}})"), "full_attention",
              "yarn");
  refused_for(scaled(R"(null, "rope_parameters": {"partial_rotary_factor": 0.5})"), "partial_rotary_factor", "0.5");
  refused_for(scaled(R"({"type": "linear", "factor": 4}, "rope_parameters": {"rope_type": "default"})"),
              "rope_parameters", "something else");
  BOOST_TEST(refusal(scaled(R"({"rope_type": "default", "factor": 1.0})")) == "");
  BOOST_TEST(refusal(scaled(R"({"rope_type": "linear", "type": "linear", "factor": 4})")) == "");
}

BOOST_AUTO_TEST_CASE(what_would_change_the_model_unseen_is_refused) {
  const std::string gpt2 = pipeline::model_config_json(shapes[0], 1), llama = pipeline::model_config_json(shapes[2], 1);
  const auto with = [](const std::string& json, const std::string& key, const std::string& value) {
    return edited(json, "\"vocab_size\"", '"' + key + "\": " + value + ", \"vocab_size\"");
  };
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{{"sliding_window", "32"},
                                                                                   {"num_local_experts", "8"},
                                                                                   {"num_experts", "4"},
                                                                                   {"final_logit_softcapping", "30.0"},
                                                                                   {"attn_logit_softcapping", "50.0"},
                                                                                   {"use_qk_norm", "true"},
                                                                                   {"embedding_multiplier", "12.0"},
                                                                                   {"residual_multiplier", "0.22"},
                                                                                   {"attention_multiplier", "1.0"},
                                                                                   {"logits_scaling", "8.0"},
                                                                                   {"qk_layernorm", "true"},
                                                                                   {"n_layer", "3"},
                                                                                   {"layer_norm_eps", "0.5"},
                                                                                   {"some_new_part", "\"wide\""},
                                                                                   {"some_new_flag", "false"},
                                                                                   {"pretraining_tp", "2"}}) {
    refused_for(with(llama, key, value), key, value);
    BOOST_TEST(refusal(with(llama, key, "null")) == "", key);
  }
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"rope_scaling", "{\"type\":\"linear\",\"factor\":2.0}"},
                                                        {"num_key_value_heads", "2"},
                                                        {"scale_attn_by_inverse_layer_idx", "true"},
                                                        {"hidden_size", "32"},
                                                        {"rope_theta", "10000.0"}}) {
    refused_for(with(gpt2, key, value), key, key == "rope_scaling" ? "linear" : key == "rope_theta" ? "know" : value);
    BOOST_TEST(refusal(with(gpt2, key, "null")) == "", key);
  }
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{{"sliding_window", "64"},
                                                                                   {"num_experts", "0"},
                                                                                   {"embedding_multiplier", "1.0"},
                                                                                   {"logits_scaling", "1"},
                                                                                   {"use_qk_norm", "false"},
                                                                                   {"partial_rotary_factor", "1.0"},
                                                                                   {"some_new_part", "{}"},
                                                                                   {"temperature", "0.6"},
                                                                                   {"pretraining_tp", "1"}})
    BOOST_TEST(refusal(with(llama, key, value)) == "", key);
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"num_key_value_heads", "4"}, {"reorder_and_upcast_attn", "true"}, {"hidden_size", "48"}})
    BOOST_TEST(refusal(with(gpt2, key, value)) == "", key);
  refused_for(with(llama, "head_dim", "24"), "head_dim", "twice");
}

BOOST_AUTO_TEST_SUITE_END()
