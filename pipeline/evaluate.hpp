#pragma once

// The loss over documents, by the same path as training without the backward pass: of those held out, between the steps
// of a run, with a small share of the file blocks of its own while training's ingest reads on; and of any, by `icosa
// eval`.

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
  double perplexity() const noexcept;
};

/// Looks on while documents are evaluated, on the executor of Files.
class EvaluationWatch {
 public:
  virtual ~EvaluationWatch() = default;
  /// Every now and then. What it throws ends the evaluation.
  virtual sched::task<void> goes_on() = 0;
};

/// Evaluates the weights on what `ingest` reads: every token is a target exactly once, but for those beyond the
/// packer's `targets_max`. The control awaits it between steps; or a coroutine on the control's executor, where nothing
/// else computes.
///   context: tokens of the row before that each row begins with, unless it is the first; below the rows' length. With
///   0 rows are those of training. Runs equal in everything but the cores give the same bits.
sched::task<Evaluation> evaluate(Run& run, Ingest ingest, std::size_t context = 0, EvaluationWatch* watch = nullptr);

}  // namespace pipeline
