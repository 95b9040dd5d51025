#pragma once

// The update: one step of the optimizer, spread over all executors: AdamW by parameter range, Muon matrix by matrix.
// Runs between steps, when no worker reads the weights.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

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

/// Makes the weights of a new run, spread over all executors as the update will be: each touches its share first.
sched::task<void> initialize_weights(Run& run, std::uint64_t seed);

/// Packs the weights for the products of the next step, spread over all executors; nothing where the run has no memory
/// for it. A run begins with it; a step of Muon ends with it.
sched::task<void> pack_weights(Run& run);

/// A stretch of the flat array.
struct FloatRange {
  std::size_t first, last;
};

/// AdamW over `range`, and the weights there packed, piece after piece, while each is in the caches; ends are places
/// that compute::gpt2_pack_edge gives. With Muon its matrices are left out, and nothing is packed before they are done
/// too.
void update_weights(Model& model, FloatRange range, std::span<const float> gradient, const UpdateSettings& settings);

/// What `update_weights` left out: Muon over its matrices on this thread; then all weights are packed.
///   scratch: muon_workspace_floats, 64-byte aligned.
void update_matrices(Model& model, std::span<const float> gradient, const UpdateSettings& settings,
                     std::span<float> scratch);

/// Adds the row up into its first gradient, applies that (a sum over `targets_count` targets) to the weights and
/// returns its global norm, that of the mean, before clipping. The same bits on any number of cores.
sched::task<double> update(Run& run, UpdateSettings settings, const GradientRow& row, std::uint64_t targets_count);

}  // namespace pipeline
