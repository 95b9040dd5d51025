#pragma once

// The control coroutine: awaits the gradient of each step at the boundary, applies the update, opens the next step, and
// between steps reports, evaluates and writes checkpoints. It runs on the first core's executor.

#include <cstdint>
#include <optional>
#include <vector>

#include "compute/schedule.hpp"
#include "io/files.hpp"
#include "pipeline/checkpoint.hpp"
#include "pipeline/console.hpp"
#include "pipeline/evaluate.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/run.hpp"
#include "pipeline/settings.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// What a run amounted to, gathered by the control.
struct RunTotals {
  Progress progress;
  double final_loss = 0;
  Accounting validation_accounting;        ///< of the evaluation over all that is held out
  std::optional<Evaluation> validation;    ///< the last one
  std::uint64_t steady_targets_count = 0;  ///< of all steps but the first
  std::uint64_t steady_ns = 0;             ///< their time, without evaluations and checkpoints
  std::uint64_t steady_update_ns = 0;
  std::uint64_t steady_data_wait_ns = 0;  ///< summed over cores
};

/// What is held out, and how it is read.
struct Validation {
  std::vector<Dataset>& datasets;
  const io::Tokenizer& tokenizer;
  FeedOptions feed;
  PackerShape shape;  ///< targets_max is --eval-tokens; the last evaluation reads all
  io::BlockShare blocks;
};

/// Everything the control works with; what it refers to outlives it.
struct ControlRoom {
  Run& run;
  io::Files& files;
  const TrainSettings& settings;
  compute::Schedule schedule;
  std::uint64_t steps_total;             ///< length of the run
  std::optional<Validation> validation;  ///< what is held out; none where nothing is
  CheckpointWriter& checkpoints;
  Console& console;
  RunTotals& totals;
};

/// Runs until the last step is done. Throws Interrupted after Ctrl-C, FileError where the disk refuses.
sched::task<void> control(ControlRoom& room);

}  // namespace pipeline
