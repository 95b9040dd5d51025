#include "pipeline/model_config_keys.hpp"

#include <algorithm>
#include <iterator>

namespace pipeline {
namespace {

constexpr std::string_view harmless[] = {
    // Who wrote it, for whom, and how it is loaded.
    "_attn_implementation", "_attn_implementation_autoset", "_attn_implementation_internal", "_commit_hash",
    "_experts_implementation", "_flash_attn_2_enabled", "_name_or_path", "_num_labels", "architectures",
    "attn_implementation", "auto_map", "dtype", "experts_implementation", "gradient_checkpointing", "is_llama_config",
    "keys_to_ignore_at_inference", "name_or_path", "tf_legacy_loss", "torch_dtype", "torchscript",
    "transformers.js_config", "transformers_version", "unsloth_fixed", "unsloth_version", "use_bfloat16",
    // What a call returns or keeps, and in which pieces it computes.
    "chunk_size_feed_forward", "is_decoder", "output_attentions", "output_hidden_states", "reorder_and_upcast_attn",
    "return_dict", "tie_encoder_decoder", "use_cache", "use_return_dict",
    // The tokenizer, whose own files say it.
    "bos_token_id", "cls_token_id", "decoder_start_token_id", "eos_token_id", "mask_token_id", "max_sequence_length",
    "model_max_length", "pad_token_id", "sep_token_id", "tokenizer_class", "tokenizer_model_max_length",
    "tokenizer_padding_side", "unk_token_id",
    // Heads for other tasks than the next token.
    "classifier_dropout", "finetuning_task", "id2label", "label2id", "num_labels", "predict_special_tokens",
    "problem_type", "summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type",
    "summary_use_proj", "task_specific_params",
    // Generation: the options of `icosa generate` say it.
    "bad_words_ids", "begin_suppress_tokens", "diversity_penalty", "do_sample", "early_stopping",
    "encoder_no_repeat_ngram_size", "epsilon_cutoff", "eta_cutoff", "exponential_decay_length_penalty",
    "forced_bos_token_id", "forced_eos_token_id", "generation_config", "length_penalty", "max_length", "max_new_tokens",
    "min_length", "min_new_tokens", "min_p", "no_repeat_ngram_size", "num_beam_groups", "num_beams",
    "num_return_sequences", "output_scores", "penalty_alpha", "prefix", "remove_invalid_values", "renormalize_logits",
    "repetition_penalty", "return_dict_in_generate", "suppress_tokens", "temperature", "top_k", "top_p", "typical_p"};

constexpr std::string_view dropouts[] = {"attention_dropout", "attention_probs_dropout_prob",
                                         "attn_pdrop",        "dropout",
                                         "embd_pdrop",        "embedding_dropout",
                                         "hidden_dropout",    "hidden_dropout_prob",
                                         "resid_pdrop",       "residual_dropout"};

struct Feature {
  std::string_view key;
  std::optional<Neutral> neutral = {};
};

constexpr Feature features[] = {
    {"add_cross_attention", false},
    {"alibi", false},
    {"attention_factor", 1.0},
    {"attention_multiplier"},  // in place of 1 / sqrt(head size), so that 1 is no neutral value
    {"attn_logit_softcapping"},
    {"compression_config"},
    {"embedding_multiplier", 1.0},
    {"final_logit_softcapping"},
    {"is_encoder_decoder", false},
    {"logit_scale", 1.0},
    {"logits_scaling", 1.0},
    {"num_experts", 0.0},
    {"num_experts_per_tok", 0.0},
    {"num_local_experts", 0.0},
    {"num_nextn_predict_layers", 0.0},
    {"parallel_attn", false},
    {"per_layer_config"},
    {"pruned_heads"},
    {"qk_layernorm", false},
    {"quantization"},
    {"quantization_config"},
    {"query_pre_attn_scalar"},
    {"residual_multiplier", 1.0},
    {"rope_interleaved", false},
    {"rope_parameters"},
    {"rope_scaling"},
    {"rotary_pct", 1.0},
    {"scale_attn_by_inverse_layer_idx", false},
    {"scale_attn_weights", true},
    {"scale_emb", 1.0},
    {"sliding_window"},
    {"use_mrope", false},
    {"use_parallel_residual", false},
    {"use_qk_norm", false},
    {"use_sliding_window", false},
};

template <std::size_t N>
bool among(const std::string_view (&keys)[N], std::string_view key) noexcept {
  return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
}

const Feature* find_feature(std::string_view key) noexcept {
  const auto* const found = std::find_if(std::begin(features), std::end(features),
                                         [key](const Feature& feature) { return feature.key == key; });
  return found == std::end(features) ? nullptr : found;
}

}  // namespace

bool changes_no_model(std::string_view key) noexcept {
  return among(harmless, key);
}

bool is_dropout(std::string_view key) noexcept {
  return among(dropouts, key);
}

bool is_known_feature(std::string_view key) noexcept {
  return find_feature(key) != nullptr;
}

std::optional<Neutral> neutral_value(std::string_view key) noexcept {
  const Feature* const feature = find_feature(key);
  return feature == nullptr ? std::nullopt : feature->neutral;
}

}  // namespace pipeline
