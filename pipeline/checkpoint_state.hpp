#pragma once

// state.json of a checkpoint (docs/formats.md): where the run stands, how it was asked for, and a checksum for
// everything else in the folder. What it says is what has been trained on, not what has been read ahead.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/configuration.hpp"
#include "pipeline/evaluate.hpp"
#include "pipeline/ingest_position.hpp"

namespace pipeline {

/// Where a run stands.
struct Progress {
  std::uint64_t steps = 0;
  std::uint64_t targets_count = 0;
  std::uint64_t documents_count = 0;
};

/// What an evaluation of the held-out documents gave, and when.
struct Validation {
  std::uint64_t step = 0;
  Evaluation evaluation;
  std::uint64_t documents_count = 0;
};

/// How long a run is and how its rate goes, once that is known: by --steps, by --tokens, or by the pass that counts.
struct RunLength {
  std::uint64_t targets = 0;
  std::uint64_t steps = 0;
  std::uint64_t warmup_steps = 0;
};

/// What stands in the run's own logs when a checkpoint is made; they are cut back to it.
struct LogSizes {
  std::uint64_t metrics_bytes = 0;
  std::uint64_t skipped_bytes = 0;
};

/// Checksums as 16 or 32 lower-case hex digits.
struct CheckpointState {
  static constexpr std::uint64_t version = 1;

  std::string icosa_version;
  std::uint64_t arithmetic = 0;
  std::string digest;     ///< of the weights, as `inspect` shows it
  bool finished = false;  ///< its last step was the run's last
  Progress progress;
  double final_loss = 0;  ///< of the last step
  RunLength length;
  Configuration configuration;
  std::uint64_t seed = 0;
  std::optional<Validation> validation;  ///< at this very step
  std::optional<Validation> best;        ///< the lowest loss of the run so far
  LogSizes logs;
  IngestPosition position;
  std::string accounting;                    ///< JSON: what has been trained on (pipeline/accounting_json.hpp)
  std::map<std::string, std::string> files;  ///< checksum of each other file that is text, by its name
  /// Checksum of the bytes of each tensor, by file and name.
  std::map<std::string, std::map<std::string, std::string>> tensors;
};

/// The text of state.json, which ends with its own checksum.
std::string to_json(const CheckpointState& state);

/// What `text`, the content of the file `name`, says.
///   Throws CheckpointError, one line, where it is damaged or of a newer version than we know.
CheckpointState parse_state(std::string_view text, const std::string& name);

}  // namespace pipeline
