#pragma once

// What `icosa inspect` prints on standard output about runs and their checkpoints.

#include <string>

namespace pipeline {

/// A checkpoint: model, tensors with their shapes and checksums, where the run stood, the options, the digest.
/// Everything is read and verified. Throws CheckpointError.
void inspect_checkpoint(const std::string& path);

/// A model of another trainer (pipeline/pretrained.hpp): the same, but for what only we write. Throws CheckpointError.
void inspect_pretrained(const std::string& path);

/// A run: its progress, best evaluation and disk use, and its newest whole checkpoint in full. Throws CheckpointError
/// where there is none.
void inspect_run(const std::string& path);

}  // namespace pipeline
