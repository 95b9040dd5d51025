#pragma once

// `icosa train --resume`: which checkpoint a run goes on from, and whether it may. By blocking calls, before it begins.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/accounting.hpp"
#include "pipeline/checkpoint.hpp"
#include "pipeline/checkpoint_writer.hpp"
#include "pipeline/prepare.hpp"
#include "pipeline/run.hpp"
#include "pipeline/settings.hpp"

namespace pipeline {

/// Where a run goes on.
struct Resumed {
  CheckpointState state;
  std::string path;  ///< of the checkpoint
  Model model;
  std::vector<KeptCheckpoint> kept;     ///< this one and the older ones
  std::vector<KeptCheckpoint> damaged;  ///< newer ones
  std::vector<io::Skip> skips;          ///< that skipped.jsonl names up to there
  std::vector<std::string> notes;       ///< lines for the user: what was passed over, what has changed
};

/// What a run is, to be compared with what it was: both as a checkpoint has them.
struct RunIdentity {
  Configuration configuration;
  std::string config_json;     ///< of the model
  std::string tokenizer_json;  ///< of the tokenizer
  std::string manifest;        ///< of the corpus
};

/// The newest whole checkpoint of the run in `settings.out`. Nothing where there is none; then `damaged` is filled,
/// with a line of `notes` for each.
///   Throws CheckpointError for a checkpoint of a newer version of the format or of another arithmetic.
std::optional<Resumed> find_resumed(const TrainSettings& settings, std::vector<KeptCheckpoint>& damaged,
                                    std::vector<std::string>& notes);

/// Throws RefusedError, one line that names what differs, where the run may not go on; with --resume-anyway the lines
/// are added to the notes.
void check_identity(Resumed& resumed, const TrainSettings& settings, const RunIdentity& now);

}  // namespace pipeline
