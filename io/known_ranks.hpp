#pragma once

// Makes a tokenizer of bare ranks. The split pattern and the special tokens that belong to them are known for published
// ranks only, which are recognised by a hash of their content: a name can lie, and the wrong pattern gives wrong ids.
// For any other ranks the pattern must be given.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/bpe_model.hpp"

namespace io {

/// The model of these ranks, the tokens in order of rank, empty where a rank has none; their ids are the ranks. Known:
/// gpt2 (r50k), p50k, cl100k and o200k, with their special tokens. Others are split by `pattern`, and the end of text
/// follows the last rank.
///   Throws TokenizerError, its text beginning with `name`: ranks that are not known and no pattern; another pattern
///   than the known ranks have; ranks that are not known and have a gap, or are not in the order of merges.
std::shared_ptr<const BpeModel> model_of_ranks(std::vector<std::string> tokens, const std::string& name,
                                               std::optional<SplitPattern> pattern = std::nullopt);

/// The ranks of GPT-2 in the form *.tiktoken, part of the program (datasets/gpt2/).
std::string_view embedded_gpt2_ranks() noexcept;

}  // namespace io
