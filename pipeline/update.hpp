#pragma once

// The update: one step of AdamW, spread over all executors by parameter range. Runs between steps, when no worker reads
// the weights.

#include "compute/adamw.hpp"
#include "pipeline/run.hpp"
#include "sched/task.hpp"

namespace pipeline {

struct UpdateSettings {
  double grad_clip;  ///< largest global norm; 0 leaves the gradient as it is
  compute::AdamWStep step;
};

/// Adds the row up into its first gradient, applies that (a sum over `targets_count` targets) to the weights and
/// returns its global norm, that of the mean, before clipping. The same bits on any number of cores.
sched::task<double> update(Run& run, UpdateSettings settings, const GradientRow& row, std::uint64_t targets_count);

}  // namespace pipeline
