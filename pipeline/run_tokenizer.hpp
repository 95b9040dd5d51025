#pragma once

// The tokenizer of a training run: one that is named, the one a run to go on with has, or one that is learned from the
// run's own text before it begins.

#include <cstdint>
#include <memory>
#include <string>

#include "io/tokenizer.hpp"
#include "pipeline/dataset.hpp"
#include "pipeline/settings.hpp"

namespace pipeline {

/// What --tokenizer says to have a vocabulary learned: "learn", or "learn:8192" for another size than learned_ids.
inline constexpr std::string_view learn_tokenizer_name = "learn";
inline constexpr std::size_t learned_ids = 4096;
/// Text to learn from. In 32 MiB whatever matters to some thousand ids has been met often; of source code they
/// take a second or two on two cores and some 30 MB.
inline constexpr std::uint64_t learned_bytes_max = 32 << 20;

/// Ids to learn where `tokenizer` says so, else 0. Throws SettingsError where it says so wrongly.
std::size_t ids_to_learn(const std::string& tokenizer);

struct RunTokenizer {
  std::shared_ptr<const io::Tokenizer> tokenizer;
  std::string note;  ///< a line for the user, or empty
};

/// Loads or learns what `settings` say; learned it is a function of the training documents in `datasets`. Sets
/// settings.tokenizer to what it came to: where none was named and there is nothing to learn from, gpt2.
///   Throws io::CorpusError, io::TokenizerError, SettingsError, RefusedError, Interrupted.
RunTokenizer run_tokenizer(TrainSettings& settings, const std::vector<Dataset>& datasets);

}  // namespace pipeline
