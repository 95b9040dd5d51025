#pragma once

// Writes the checkpoints of a run while training goes on. The control copies the model between two steps, which is all
// the pause there is, and hands the copy over; a coroutine on the executor of Files writes it down, makes it appear by
// one rename, and removes what is no longer kept. There is one copy: a checkpoint waits until the one before is on
// disk.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/files.hpp"
#include "pipeline/checkpoint.hpp"
#include "pipeline/memory.hpp"
#include "pipeline/run.hpp"
#include "sched/channel.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// A checkpoint on disk.
struct KeptCheckpoint {
  std::string path;
  std::vector<std::string> names;  ///< of its files
  std::optional<double> loss;      ///< held-out, where it was evaluated at its step
};

/// What the checkpoints of a run cost.
struct CheckpointTimes {
  std::uint64_t count = 0;
  std::uint64_t failed_count = 0;
  std::uint64_t pause_ns = 0;  ///< copying, the cores standing still
  std::uint64_t pause_ns_max = 0;
  std::uint64_t wait_ns = 0;  ///< for the checkpoint before, likewise
};

class CheckpointWriter {
 public:
  struct Rules {
    std::string run;         ///< its folder
    std::uint64_t keep = 1;  ///< newest ones, and beside them the best
  };

  CheckpointWriter(io::Files& files, const CheckpointSource& source, Rules rules)
      : files_(files), source_(source), rules_(std::move(rules)) {}

  /// Those of a run that is gone on with, oldest first. `damaged`: such as one of the same name may replace.
  void go_on_with(std::vector<KeptCheckpoint> kept, std::vector<KeptCheckpoint> damaged);

  /// On the executor of Files, until `finish`. Cancelled, it leaves a temporary folder.
  sched::task<void> run();

  // By the control, between steps.

  /// Makes the copy's memory, before the first step: its first touch takes ten times as long as the copying.
  sched::task<void> make_ready(Run& run);
  /// Copies the model on all cores and hands it over. What becomes of it is said by a later `take_outcome`.
  sched::task<void> save(Run& run, CheckpointState state);
  /// Writes the model itself and awaits that it is on disk; tries once more where it fails. Throws FileError.
  sched::task<void> save_and_wait(Run& run, CheckpointState state);
  /// Awaits what is under way.
  sched::task<void> settle();
  /// Those handed over that could not be written, as far as that is known: a line each, and each once.
  std::vector<std::string> take_failures();
  /// No more will be saved.
  sched::task<void> finish();

  /// The newest; empty where there is none. Once the run has ended.
  std::string newest() const { return kept_.empty() ? std::string() : kept_.back().path; }
  const CheckpointTimes& times() const noexcept { return times_; }

 private:
  struct Job {
    Job(ModelImage image_, CheckpointState state_) : image(image_), state(std::move(state_)) {}
    ModelImage image;
    CheckpointState state;
  };
  /// What became of a job. Whoever holds it may give out the next one.
  struct Outcome {
    Outcome() = default;
    Outcome(std::uint64_t step_, std::exception_ptr failure_) : step(step_), failure(std::move(failure_)) {}
    std::uint64_t step = 0;
    std::exception_ptr failure;
  };

  void note(const Outcome& outcome);
  sched::task<void> write(Job job);
  sched::task<void> publish(std::string temporary, std::string folder);
  sched::task<void> remove(std::string folder, std::vector<std::string> names);
  sched::task<void> remove_unwanted();

  io::Files& files_;
  const CheckpointSource& source_;
  Rules rules_;
  FloatArena copy_;

  // The writer's.
  std::vector<KeptCheckpoint> kept_;
  std::vector<KeptCheckpoint> damaged_;

  sched::Channel<Job> jobs_{1};
  sched::Channel<Outcome> outcomes_{1};

  // The control's.
  bool under_way_ = false;
  std::vector<std::string> failures_;
  CheckpointTimes times_;
};

}  // namespace pipeline
