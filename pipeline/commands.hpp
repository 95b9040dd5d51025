#pragma once

// The commands of the program. Each takes its options as a struct, does its work on the calling thread and the ones it
// starts, and returns the exit code; what goes wrong is thrown with one line for the user.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "compute/sampling.hpp"
#include "pipeline/presets.hpp"
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

/// Of `icosa bench step`.
struct BenchOptions {
  std::string model{default_preset};
  std::size_t vocabulary = 0;      ///< 0: what the preset is usually trained with
  std::size_t micro_batches = 12;  ///< of a step
  double seconds = 8;
};

struct TokenOptions {
  std::string tokenizer;
  bool jsonl = false;
};

int bench_command(const BenchOptions& options);
int train_command(TrainSettings settings);
int tokenize_command(TokenizeSettings settings);
int generate_command(const GenerateOptions& options);
int encode_command(const TokenOptions& options);
int decode_command(const TokenOptions& options);
int inspect_command(const std::vector<std::string>& paths);

}  // namespace pipeline
