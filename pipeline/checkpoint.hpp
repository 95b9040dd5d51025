#pragma once

// A checkpoint: a folder that holds the model in Hugging Face form, the optimizer's state and the run's position. It is
// written under a temporary name, synced, and appears under its own by one rename: whole or not at all.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compute/gpt2.hpp"
#include "io/files.hpp"
#include "io/tokenizer.hpp"
#include "pipeline/checkpoint_error.hpp"
#include "pipeline/run.hpp"
#include "pipeline/settings.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// Where a run stands.
struct Progress {
  std::uint64_t steps = 0;
  std::uint64_t targets_count = 0;
  std::uint64_t documents_count = 0;
};

/// XXH3-128 over name and bits of every tensor in the order of the flat array, in lower-case hex.
std::string digest(const std::vector<compute::Tensor>& tensors, std::span<const float> weights);

/// Writes the checkpoints of one run. What it refers to outlives it.
class CheckpointWriter {
 public:
  CheckpointWriter(io::Files& files, const TrainSettings& settings, const io::Tokenizer& tokenizer);

  /// Writes RUN/checkpoints/step-NNNNNNNN and removes all but the newest `settings.keep` of this run. After a failure
  /// nothing of it is left; throws FileError.
  sched::task<void> write(const Model& model, Progress progress);

  /// The newest; empty where there is none.
  std::string newest() const { return written_.empty() ? std::string() : written_.back(); }

 private:
  io::Files& files_;
  const TrainSettings& settings_;
  const io::Tokenizer& tokenizer_;
  std::vector<std::string> written_;
};

/// A checkpoint read back for generating or inspecting, by blocking calls.
struct Checkpoint {
  std::string path;
  compute::Gpt2Shape shape{};
  std::vector<compute::Tensor> tensors;
  FloatArena weights;
  std::string state_json;
  std::string recorded_digest;  ///< from state.json
};

/// `path` is a checkpoint, or a run whose newest whole checkpoint is meant. Throws CheckpointError.
std::string find_checkpoint(const std::string& path);

/// Reads configuration, weights and state; the weights must have the digest that was recorded. Throws CheckpointError.
Checkpoint read_checkpoint(const std::string& path);

/// The tokenizer kept with a checkpoint.
std::shared_ptr<const io::Tokenizer> checkpoint_tokenizer(const std::string& checkpoint_path);

/// Whether the folder holds a run already: any of what a run writes.
bool holds_run(const std::string& path);

}  // namespace pipeline
