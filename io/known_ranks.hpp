#pragma once

// Makes a tokenizer of bare ranks. The split pattern and the special tokens that belong to them are known for published
// ranks only, which are recognised by a hash of their content: a name can lie, and the wrong pattern gives wrong ids.

#include <memory>
#include <string>
#include <vector>

#include "io/bpe_model.hpp"

namespace io {

/// The model of GPT-2's ranks, the tokens in order of rank; their ids are the ranks, the end of text follows.
///   Throws TokenizerError, its text beginning with `name`, for any other ranks.
std::shared_ptr<const BpeModel> model_of_ranks(std::vector<std::string> tokens, const std::string& name);

/// The ranks of GPT-2 in the form *.tiktoken, part of the program (datasets/gpt2/).
std::string_view embedded_gpt2_ranks() noexcept;

}  // namespace io
