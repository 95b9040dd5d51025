#pragma once

// Held-out loss: the same path as training, without the backward pass. Runs between steps on all cores, with a small
// share of the file blocks of its own, while training's ingest reads on.

#include <cstdint>
#include <vector>

#include "pipeline/ingest.hpp"
#include "pipeline/run.hpp"
#include "sched/task.hpp"

namespace pipeline {

struct Evaluation {
  double nats = 0;  ///< sum over targets, in their order
  std::uint64_t targets_count = 0;
  std::uint64_t text_bytes = 0;

  /// Nats per target.
  double loss() const noexcept { return nats / static_cast<double>(targets_count); }
  /// Bits of all targets, end-of-text too, per byte of the documents' own text.
  double bits_per_byte() const noexcept;
};

/// Evaluates the weights on what `ingest` reads. The control awaits it between steps.
sched::task<Evaluation> evaluate(Run& run, Ingest ingest);

}  // namespace pipeline
