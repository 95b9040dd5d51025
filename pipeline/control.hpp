#pragma once

// The control coroutine: awaits the gradient of each step at the boundary, applies the update, opens the next step, and
// between steps reports, evaluates and writes checkpoints. It runs on the first core's executor.

#include <cstdint>
#include <optional>
#include <vector>

#include "compute/schedule.hpp"
#include "io/files.hpp"
#include "pipeline/checkpoint_writer.hpp"
#include "pipeline/console.hpp"
#include "pipeline/context_switches.hpp"
#include "pipeline/evaluate.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/run.hpp"
#include "pipeline/run_log.hpp"
#include "pipeline/settings.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// What a run amounted to, gathered by the control. Where it goes on it begins with what a checkpoint says.
struct RunTotals {
  Progress progress;
  double final_loss = 0;
  Accounting accounting;                   ///< of what was trained on
  Accounting validation_accounting;        ///< of the evaluation over all that is held out
  std::optional<Validation> validation;    ///< the last one
  std::optional<Validation> best;          ///< of all
  std::uint64_t skipped_count = 0;         ///< lines of skipped.jsonl
  std::uint64_t steady_targets_count = 0;  ///< of all steps but the first of this process
  std::uint64_t steady_steps = 0;
  std::uint64_t steady_ns = 0;  ///< their time, without evaluations and checkpoints
  std::uint64_t steady_update_ns = 0;
  ContextSwitches steady_switches;     ///< of all threads
  std::uint64_t steady_wakeups = 0;    ///< of executors, by other threads
  std::vector<Spending> steady_cores;  ///< what each executor did in that time
};

/// What is held out, and how it is read.
struct HeldOut {
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
  RunLength length;
  LogSizes logs;                        ///< where they go on
  std::vector<io::Skip> skips_written;  ///< that stand in skipped.jsonl
  std::vector<io::Skip> skips_walked;   ///< of the walk through the folders
  const std::vector<Dataset>& datasets;
  CheckpointState checkpoint;         ///< what is the same in every one
  std::optional<HeldOut> validation;  ///< what is held out; none where nothing is
  CheckpointWriter& checkpoints;
  Console& console;
  RunTotals& totals;
  std::optional<std::uint64_t> initial_seed;  ///< of the weights, where the run begins with new ones
};

/// Runs from the step after `totals.progress` until the last one is done. Throws Interrupted after Ctrl-C, FileError
/// where the disk refuses.
sched::task<void> control(ControlRoom& room);

}  // namespace pipeline
