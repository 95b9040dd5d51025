#pragma once

// The coroutines of a run and what they share: made before the run, dead after it.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "compute/schedule.hpp"
#include "io/corpus.hpp"
#include "io/files.hpp"
#include "io/tokenizer.hpp"
#include "pipeline/control.hpp"
#include "pipeline/ingest.hpp"
#include "pipeline/prepare.hpp"
#include "pipeline/resume.hpp"
#include "pipeline/run.hpp"
#include "pipeline/settings.hpp"
#include "pipeline/sizes.hpp"
#include "sched/cores.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// Gradient buffers, each behind the others by a page and a line: streams at one offset in a page are added slowly.
class GradientBuffers {
 public:
  GradientBuffers(std::size_t buffers_count, std::size_t floats_count)
      : stride_((floats_count + 1023) / 1024 * 1024 + 1024 + 16),
        memory_(buffers_count * stride_),
        gradients_(buffers_count) {
    for (std::size_t i = 0; i < buffers_count; ++i)
      gradients_[i].values = memory_.span().subspan(i * stride_, floats_count);
  }

  std::vector<Gradient*> pointers() {
    std::vector<Gradient*> list;
    for (Gradient& gradient : gradients_) list.push_back(&gradient);
    return list;
  }

 private:
  std::size_t stride_;
  FloatArena memory_;
  std::vector<Gradient> gradients_;
};

/// Where a run begins: afresh, or behind a checkpoint.
struct Beginning {
  RunIdentity identity;
  std::optional<Resumed> resumed;
  std::vector<KeptCheckpoint> damaged;  ///< where nothing could be gone on from
  std::vector<std::string> notes;       ///< likewise, for the user
};

/// One run. What it refers to outlives it.
class Session {
 public:
  Session(const TrainSettings& settings, Material& material, const Sizes& sizes, Beginning beginning, io::Files& files,
          sched::Cores& cores, RunHooks hooks);

  /// Runs to the end on the calling thread, which becomes the thread of `files`. Throws what ended it early.
  void run();

  const Run& shared() const noexcept { return run_; }
  const RunTotals& totals() const noexcept { return totals_; }
  const Accounting& accounting() const noexcept { return accounting_; }
  const CheckpointWriter& checkpoints() const noexcept { return checkpoints_; }

 private:
  sched::task<void> train_and_validate();
  sched::task<void> say_what_will_happen();
  sched::task<RunLength> length_of_run();
  sched::task<std::uint64_t> count_epochs();
  void go_on();
  sched::task<void> prepare_corpus();
  Ingest training_ingest(const PackerShape& shape, Accounting& accounting);
  std::optional<HeldOut> held_out();
  ControlRoom control_room(const RunLength& length);

  const TrainSettings& settings_;
  Material& material_;
  const Sizes& sizes_;
  Beginning beginning_;
  io::Files& files_;
  GradientBuffers gradients_;
  Run run_;
  Console console_;
  CheckpointSource checkpoint_source_;
  CheckpointWriter checkpoints_;
  RunTotals totals_;
  Accounting accounting_;
};

}  // namespace pipeline
