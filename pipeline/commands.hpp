#pragma once

// The commands of the program. Each takes its options as a struct, does its work on the calling thread and the ones it
// starts, and returns the exit code; what goes wrong is thrown with one line for the user.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/gguf.hpp"
#include "pipeline/generator.hpp"
#include "pipeline/inspect_corpus.hpp"
#include "pipeline/presets.hpp"
#include "pipeline/settings.hpp"

namespace pipeline {

struct GenerateOptions {
  std::string source;  ///< RUN or CHECKPOINT
  std::string prompt;
  std::string prompt_file;  ///< "-": standard input
  std::size_t tokens_max = 200;
  std::size_t samples_count = 1;
  GeneratorOptions generator;
  bool json = false;
  bool quiet = false;
};

/// Of `icosa bench step`.
struct BenchOptions {
  std::string model{default_preset};
  std::size_t vocabulary = 0;      ///< 0: what the preset is usually trained with
  std::size_t micro_batches = 12;  ///< of a step
  OptimizerKind optimizer = OptimizerKind::by_model;
  double seconds = 8;
};

struct TokenOptions {
  std::string tokenizer;
  std::string split_pattern;  ///< of a *.tiktoken file whose ranks are not known
  bool jsonl = false;
  bool allow_special = false;  ///< `encode`: special tokens written in the text become these tokens
};

/// Of `icosa tokenizer inspect`.
struct TokenizerInspectOptions {
  std::string tokenizer;
  std::string split_pattern;       ///< of a *.tiktoken file whose ranks are not known
  std::vector<std::string> paths;  ///< files of text to count tokens in
  bool json = false;
};

struct EvalOptions {
  std::string source;       ///< RUN or CHECKPOINT
  DataSettings data;        ///< its tokenizer is the checkpoint's
  std::size_t seq_len = 0;  ///< 0: all positions of the model
  std::size_t stride = 0;   ///< 0: half of that
  bool json = false;
};

struct ExportOptions {
  std::string source;  ///< RUN, CHECKPOINT or the folder of a Hugging Face model
  std::string out;
  io::GgufType type = io::GgufType::f32;  ///< of matrices
  bool quiet = false;
};

int bench_command(const BenchOptions& options);
int train_command(TrainSettings settings);
int tokenize_command(TokenizeSettings settings);
int tokenizer_inspect_command(const TokenizerInspectOptions& options);
int tokenizer_train_command(TokenizerTrainSettings settings);
int generate_command(const GenerateOptions& options);
int encode_command(const TokenOptions& options);
int decode_command(const TokenOptions& options);
int eval_command(EvalOptions options);
int export_command(const ExportOptions& options);
/// Lists the presets; their parameters with that many tokens, or with as many as they are usually trained with.
int models_command(std::size_t vocabulary);
int inspect_command(const std::vector<std::string>& paths, const InspectOptions& options);

}  // namespace pipeline
