#pragma once

// A model that another trainer has written, as Hugging Face has them: a folder with config.json, model.safetensors (or
// its shards and their index) and a tokenizer. Nothing in it is trusted: the tensors wanted must be there with their
// shapes, and what is in the files beside them is left alone.

#include <memory>
#include <string>
#include <vector>

#include "pipeline/checkpoint.hpp"

namespace pipeline {

/// Whether the folder holds such a model, by the names in it.
bool is_pretrained(const std::string& folder);

/// The shape that this config.json asks for; `notes` as in pipeline/model_config.hpp. Throws CheckpointError.
compute::ModelShape read_model_config(const std::string& path, std::vector<std::string>* notes = nullptr);

/// The model with a state that says nothing: no step was done. Throws CheckpointError.
Checkpoint read_pretrained(const std::string& folder);

/// A model to be used, not gone on with: a run, a checkpoint (pipeline/checkpoint.hpp) or a folder of the above.
/// Throws CheckpointError.
Checkpoint read_model(const std::string& path, std::vector<std::string>& damaged);

/// What to give to `io::load_tokenizer` for the model's own.
std::string tokenizer_name(const Checkpoint& model);

/// Refuses a tokenizer with ids that the model does not know. Throws CheckpointError.
void check_tokenizer(const Checkpoint& model, const io::Tokenizer& tokenizer);

/// The model's own tokenizer, so checked. Throws CheckpointError or io::TokenizerError.
std::shared_ptr<const io::Tokenizer> model_tokenizer(const Checkpoint& model);

}  // namespace pipeline
