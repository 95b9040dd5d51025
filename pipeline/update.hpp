#pragma once

// The update: one step of the optimizer, spread over all executors: AdamW by parameter range, Muon matrix by matrix.
// Runs between steps, when no worker reads
// the weights.

#include <optional>

#include "compute/adamw.hpp"
#include "compute/muon.hpp"
#include "pipeline/run.hpp"
#include "sched/task.hpp"

namespace pipeline {

struct UpdateSettings {
  double grad_clip;  ///< largest global norm; 0 leaves the gradient as it is
  compute::AdamWStep step;
  std::optional<compute::MuonStep> muon;  ///< of the matrices between the embeddings and the head
};

/// Floats of memory that Muon needs on each core that computes it.
std::size_t muon_workspace_floats(const std::vector<compute::Tensor>& tensors);

/// Packs the weights for the products of the next step, spread over all executors; nothing where the run has no memory
/// for it. `update` ends with it; a run begins with it.
sched::task<void> pack_weights(Run& run);

/// Adds the row up into its first gradient, applies that (a sum over `targets_count` targets) to the weights and
/// returns its global norm, that of the mean, before clipping. The same bits on any number of cores.
sched::task<double> update(Run& run, UpdateSettings settings, const GradientRow& row, std::uint64_t targets_count);

}  // namespace pipeline
