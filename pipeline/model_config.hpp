#pragma once

// The model's config.json in Hugging Face form, for the model types gpt2, llama, qwen2 and qwen3.

#include <string>
#include <string_view>
#include <vector>

#include "compute/model_shape.hpp"
#include "io/tokenizer.hpp"

namespace pipeline {

/// "gpt2", "llama", "qwen2" or "qwen3": the one that has all of the shape's choices.
std::string_view model_type(const compute::ModelShape& shape) noexcept;

/// The text of config.json for a model of this shape.
std::string model_config_json(const compute::ModelShape& shape, io::TokenId end_of_text);

/// The shape that a config.json asks for. `name` is the file, for errors. What else it asks for, and is not taken from
/// there, is added to the `notes`, for the user. Throws CheckpointError (pipeline/checkpoint_error.hpp) naming what is
/// missing, not supported or not known.
compute::ModelShape parse_config_json(std::string_view json, const std::string& name,
                                      std::vector<std::string>* notes = nullptr);

}  // namespace pipeline
