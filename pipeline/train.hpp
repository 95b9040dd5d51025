#pragma once

// A training run from beginning to end: what `icosa train` does once its options are known.

#include <cstdint>
#include <optional>
#include <string>

#include "pipeline/control.hpp"
#include "pipeline/run.hpp"
#include "pipeline/settings.hpp"

namespace pipeline {

struct TrainResult {
  TrainSettings settings;  ///< completed
  RunTotals totals;
  std::uint64_t resumed_steps = 0;  ///< done before this process began
  CheckpointTimes checkpoints;
  std::string checkpoint;  ///< the newest
  std::string digest;      ///< of the weights
  std::uint64_t parameters = 0;
  io::LeftOut left_out;
  std::uint64_t files_found = 0;
  Shuffle shuffle = Shuffle::none;
  std::vector<FileTotals> record_files;
  std::vector<CorpusShare> corpora;
  std::size_t cores_count = 0;
  std::size_t gradients_count = 0;      ///< buffers there were
  std::size_t gradients_count_max = 0;  ///< most that were out at once
  std::size_t batches_waiting_max = 0;  ///< most that ever waited in the channel
  io::FileCounters files;
  std::string files_description;
  double seconds = 0;
  bool interrupted = false;
};

/// Trains. Throws what went wrong: SettingsError, io::CorpusError, io::TokenizerError, sched::TopologyError,
/// DamageError, io::FileError; each with one line for the user.
TrainResult train(TrainSettings settings, RunHooks hooks = {});

/// The summary as one JSON object.
std::string summary_json(const TrainResult& result);

/// What is printed at the end of a run, several lines.
std::string summary_text(const TrainResult& result);

}  // namespace pipeline
