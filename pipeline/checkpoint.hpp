#pragma once

// A checkpoint: a folder that holds the model in Hugging Face form, the optimizer's state and the run's position. It is
// written under a temporary name, synced, and appears under its own by one rename: whole or not at all.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compute/gpt2.hpp"
#include "io/files.hpp"
#include "io/safetensors.hpp"
#include "io/tokenizer.hpp"
#include "pipeline/checkpoint_error.hpp"
#include "pipeline/checkpoint_state.hpp"
#include "pipeline/run.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// XXH3-128 over name and bits of every tensor in the order of the flat array, in lower-case hex.
std::string digest(const std::vector<compute::Tensor>& tensors, std::span<const float> weights);

/// The numbers of a model as they stood between two steps, in the model's own memory or in a copy.
struct ModelImage {
  std::span<const float> weights;
  std::span<const float> moment1;
  std::span<const float> moment2;
};

/// What is the same in all checkpoints of a run. What it refers to outlives it.
struct CheckpointSource {
  const compute::Gpt2Shape& shape;
  const std::vector<compute::Tensor>& tensors;
  const io::Tokenizer& tokenizer;
  std::string manifest;                                             ///< corpus.jsonl
  std::uint64_t shard_bytes_max = io::safetensors_shard_bytes_max;  ///< of a file of tensors
};

/// Writes a new folder with everything in it, each file synced, and syncs the folder; fills in the checksums of
/// `state`.
///   names: gets the names of the files that were begun.
///   Throws FileError; what was written until then stays.
sched::task<void> write_checkpoint(io::Files& files, std::string folder, const CheckpointSource& source,
                                   ModelImage image, CheckpointState state, std::vector<std::string>& names);

/// Syncs a file or a folder by its name. Throws FileError.
sched::task<void> sync_path(io::Files& files, std::string path);

/// A checkpoint read back, by blocking calls.
struct Checkpoint {
  std::string path;
  compute::Gpt2Shape shape{};
  std::vector<compute::Tensor> tensors;
  FloatArena weights;
  CheckpointState state;
};

/// `path` is a checkpoint, or a run whose newest whole checkpoint is meant: what is damaged is passed over and named in
/// a line of `damaged`. Reads configuration, weights and state, and verifies them. Throws CheckpointError.
Checkpoint read_checkpoint(const std::string& path, std::vector<std::string>& damaged);

/// The optimizer's state of that checkpoint, verified. Throws CheckpointError.
void read_moments(const Checkpoint& checkpoint, FloatArena& moment1, FloatArena& moment2);

/// A file of the checkpoint that is text, verified. Throws CheckpointError.
std::string read_checkpoint_text(const Checkpoint& checkpoint, const std::string& name);

/// The tokenizer kept with a checkpoint.
std::shared_ptr<const io::Tokenizer> checkpoint_tokenizer(const Checkpoint& checkpoint);

}  // namespace pipeline
