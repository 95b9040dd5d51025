#pragma once

// What a training run was asked to do: the command line's options as a plain struct, checked and completed before
// anything is opened.

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "compute/schedule.hpp"
#include "io/files.hpp"
#include "io/splitter.hpp"
#include "pipeline/order.hpp"
#include "pipeline/step_sum.hpp"

namespace pipeline {

/// An option has a value that cannot be. The text is one line that names it and says what to give.
class SettingsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The machine or the folder cannot take this run. The text is one line that says why and what to do.
class RefusedError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What is read and how: the options that `train` and `tokenize` share.
struct DataSettings {
  std::vector<std::string> paths;
  std::vector<std::string> mixes;  ///< NAME=WEIGHT:PATH each, instead of paths
  std::string out;                 ///< folder to write to
  std::string summary;             ///< file for the summary, or none
  bool quiet = false;

  std::string tokenizer = "gpt2";
  std::string split_pattern;  ///< of a *.tiktoken file whose ranks are not known
  std::string text_key = "text";
  Shuffle shuffle = Shuffle::automatic;
  std::uint64_t seed = 1;
  std::string cores;
  bool strict = false;
  double max_skipped_fraction = 0.01;
  std::uint64_t read_ahead_mib = 0;  ///< 0: the command's default
  io::FilesKind io = io::FilesKind::automatic;
};

/// Muon has the matrices between the embeddings and the head, AdamW the rest.
/// by_model: Muon where the preset is meant for it, else AdamW.
enum class OptimizerKind { by_model, adamw, muon };

/// The numbers 0 and "" mean: not said, take the preset's or the default.
struct TrainSettings : DataSettings {
  std::string model;
  std::size_t workers = 0;  ///< 12
  std::size_t levels = 0;   ///< of spheres: 12^levels workers
  std::size_t accumulate = 1;
  GradientMemory gradient_memory = GradientMemory::automatic;
  std::size_t seq_len = 0;
  std::size_t micro_batch = 0;
  bool document_mask = false;

  std::uint64_t steps = 0;
  std::uint64_t epochs = 0;
  std::uint64_t tokens = 0;

  double learning_rate = 0;
  std::int64_t warmup = -1;  ///< steps; negative: a twentieth of the run
  compute::ScheduleKind schedule = compute::ScheduleKind::cosine;
  double final_lr_fraction = 0.1;  ///< of the peak, where cosine, linear and wsd end
  double decay_fraction = 0.2;     ///< share of the run in which wsd falls
  double weight_decay = 0.1;
  double grad_clip = 1;
  OptimizerKind optimizer = OptimizerKind::by_model;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double muon_learning_rate = 0;  ///< peak, of the matrices that Muon has; 0: what the model is usually trained with
  double muon_momentum = 0.95;
  double muon_weight_decay = 0.01;
  double label_smoothing = 0;
  double z_loss = 0;
  double dropout = 0;
  bool recompute = false;  ///< activations of blocks, instead of keeping them

  double val_fraction = 0.05;
  std::uint64_t eval_every = 0;  ///< steps; 0: at the end only
  std::uint64_t eval_tokens = 65536;
  bool pin = true;                     ///< executors to their cores
  std::string trace;                   ///< file for a trace of the run, or none
  std::uint64_t checkpoint_every = 0;  ///< steps; 0: at the end only
  double checkpoint_minutes = 0;       ///< 0: by steps only
  std::uint64_t keep = 2;
  bool resume = false;
  bool resume_anyway = false;         ///< with what differs
  bool tokenizer_by_default = false;  ///< nobody named `tokenizer`: gpt2 will do where there is nothing to learn from

  std::size_t step_batches_count() const noexcept { return workers * accumulate; }
};

/// What `icosa tokenize` was asked to do.
struct TokenizeSettings : DataSettings {
  std::uint64_t shard_tokens = 100'000'000;
  bool resume = false;
};

/// What `icosa tokenizer train` was asked to do. `out` is a file; `tokenizer` is that of token files.
struct TokenizerTrainSettings : DataSettings {
  std::size_t vocabulary_size = 0;
  std::uint64_t min_frequency = 0;
  std::size_t token_bytes_max = 0;                          ///< 0: no bound
  std::vector<std::string> special_tokens;                  ///< the end of text comes first where it is not among them
  io::SplitPattern words_pattern = io::SplitPattern::gpt2;  ///< what is never merged across
  double val_fraction = 0;  ///< documents that `icosa train` holds out with the same share are left out
};

/// Refuses what cannot be in the options that commands share. Throws SettingsError.
void check(const DataSettings& settings);

/// Fills in what the preset decides and refuses what cannot be. Throws SettingsError. The length of the run, where
/// nothing is said about it, is left open: it depends on the vocabulary.
TrainSettings complete(TrainSettings settings);

}  // namespace pipeline
