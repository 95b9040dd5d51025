#pragma once

// The model's config.json in Hugging Face form.

#include <string>
#include <string_view>

#include "compute/gpt2.hpp"
#include "io/tokenizer.hpp"

namespace pipeline {

/// The text of config.json for a GPT-2 of this shape.
std::string gpt2_config_json(const compute::Gpt2Shape& shape, io::TokenId end_of_text);

/// The shape that a config.json asks for. `name` is the file, for errors. Throws CheckpointError
/// (pipeline/checkpoint_error.hpp) naming what is missing or not supported.
compute::Gpt2Shape parse_config_json(std::string_view json, const std::string& name);

}  // namespace pipeline
