#pragma once

// The commands of the program. Each takes its options as a struct, does its work on the calling thread and the ones it
// starts, and returns the exit code; what goes wrong is thrown with one line for the user.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "compute/sampling.hpp"
#include "pipeline/inspect_corpus.hpp"
#include "pipeline/settings.hpp"

namespace pipeline {

struct GenerateOptions {
  std::string source;  ///< RUN or CHECKPOINT
  std::string prompt;
  std::size_t tokens_max = 200;
  compute::Sampling sampling{0.8, 0, 0.95};
  std::uint64_t seed = 1;
  bool quiet = false;
};

struct TokenOptions {
  std::string tokenizer;
  bool jsonl = false;
};

int train_command(TrainSettings settings);
int tokenize_command(TokenizeSettings settings);
int tokenizer_train_command(TokenizerTrainSettings settings);
int generate_command(const GenerateOptions& options);
int encode_command(const TokenOptions& options);
int decode_command(const TokenOptions& options);
int inspect_command(const std::vector<std::string>& paths, const InspectOptions& options);

}  // namespace pipeline
