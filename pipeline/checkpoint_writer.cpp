#include "pipeline/checkpoint_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <utility>

#include "io/error.hpp"
#include "pipeline/checkpoint_folders.hpp"
#include "pipeline/clock.hpp"
#include "sched/share_out.hpp"
#include "sched/trace.hpp"

namespace pipeline {
namespace {

using ModelParts = std::array<std::span<const float>, 3>;

/// One core's share of a copy: of each part, which are equally long, and lie one behind the other in `to`.
void copy_share(std::span<float> to, ModelParts parts, std::size_t core, std::size_t cores_count) {
  const sched::TraceSpan span("checkpoint", "copy");
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t count = parts[i].size();
    const std::size_t begin = count * core / cores_count, end = count * (core + 1) / cores_count;
    if (begin < end) std::memcpy(to.data() + i * count + begin, parts[i].data() + begin, (end - begin) * sizeof(float));
  }
}

sched::task<ModelImage> copy_model(Run& run, FloatArena& copy) {
  const std::size_t count = run.model.weights.span().size();
  if (copy.span().empty()) copy = FloatArena(3 * count);
  const std::span<float> to = copy.span();
  const ModelParts parts = {run.model.weights.span(), run.model.moment1.span(), run.model.moment2.span()};
  const auto share = [&](std::size_t core, std::size_t cores_count) { copy_share(to, parts, core, cores_count); };
  co_await sched::share_out(run.cores, run.cores.count(), share);
  co_return ModelImage{to.first(count), to.subspan(count, count), to.subspan(2 * count, count)};
}

}  // namespace

void CheckpointWriter::go_on_with(std::vector<KeptCheckpoint> kept, std::vector<KeptCheckpoint> damaged) {
  kept_ = std::move(kept);
  damaged_ = std::move(damaged);
}

sched::task<void> CheckpointWriter::run() {
  for (;;) {
    std::optional<Job> job = co_await jobs_.receive();
    if (!job) co_return;
    const std::uint64_t step = job->state.progress.steps;
    std::exception_ptr failure;
    const std::uint64_t began_ns = sched::is_traced() ? now_ns() : 0;
    try {
      co_await write(std::move(*job));
    } catch (const io::FileError&) {
      failure = std::current_exception();
    }
    sched::trace_flight("checkpoint", 0, began_ns);
    // The failure is the control's alone from here on: the counting of who holds it is not for two threads to share.
    Outcome outcome(step, std::move(failure));
    co_await outcomes_.send(std::move(outcome));
  }
}

sched::task<void> CheckpointWriter::write(Job job) {
  const std::string folder = checkpoint_folder(rules_.run, job.state.progress.steps);
  const std::string temporary = temporary_folder(folder);
  std::optional<double> loss;
  if (job.state.validation) loss = job.state.validation->evaluation.loss();
  std::vector<std::string> names;
  std::exception_ptr failure;
  try {
    // The logs are on disk at least as far as the checkpoint says.
    for (const char* const log : {"/metrics.jsonl", "/skipped.jsonl"}) {
      std::string path = rules_.run + log;
      co_await sync_path(files_, std::move(path));
    }
    co_await sync_path(files_, rules_.run);
    co_await write_checkpoint(files_, temporary, source_, job.image, std::move(job.state), names);
    co_await publish(temporary, folder);
  } catch (const io::FileError&) {
    failure = std::current_exception();
  }
  if (failure) {
    co_await remove(temporary, std::move(names));
    std::rethrow_exception(failure);
  }
  kept_.push_back({folder, std::move(names), loss});
  co_await remove_unwanted();
}

/// From when on the checkpoint is there; what fails after the rename takes it back.
sched::task<void> CheckpointWriter::publish(std::string temporary, std::string folder) {
  const auto same = [&](const KeptCheckpoint& damaged) { return damaged.path == folder; };
  const auto known = std::find_if(damaged_.begin(), damaged_.end(), same);
  if (known != damaged_.end()) {
    std::vector<std::string> names = std::move(known->names);
    damaged_.erase(known);
    const std::string unwanted = temporary + "-damaged";
    co_await files_.rename(folder, unwanted);
    co_await remove(unwanted, std::move(names));
  }
  co_await files_.rename(temporary, folder);
  std::exception_ptr failure;
  try {
    std::string parent = rules_.run + "/checkpoints";
    co_await sync_path(files_, std::move(parent));
  } catch (const io::FileError&) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  co_await files_.rename(folder, temporary);
  std::rethrow_exception(failure);
}

/// What cannot be removed stays under its temporary name, and the next run with --resume tries again.
sched::task<void> CheckpointWriter::remove(std::string folder, std::vector<std::string> names) {
  for (const std::string& name : names) {
    try {
      std::string path = folder + "/" + name;
      co_await files_.remove_file(std::move(path));
    } catch (const io::FileError&) {
      continue;
    }
  }
  try {
    co_await files_.remove_directory(folder);
  } catch (const io::FileError&) {
    co_return;
  }
}

sched::task<void> CheckpointWriter::remove_unwanted() {
  while (kept_.size() > rules_.keep) {
    const auto newest = kept_.end() - static_cast<std::ptrdiff_t>(rules_.keep);
    auto best = kept_.end();
    for (auto it = kept_.begin(); it != kept_.end(); ++it)
      if (it->loss && (best == kept_.end() || *it->loss < *best->loss)) best = it;
    const auto unwanted = kept_.begin() == best ? kept_.begin() + 1 : kept_.begin();
    if (unwanted >= newest) co_return;  // the best is all there is beside the newest
    KeptCheckpoint gone = std::move(*unwanted);
    kept_.erase(unwanted);
    // It disappears at once too: what is found under its own name is whole.
    const std::string temporary = temporary_folder(gone.path);
    try {
      co_await files_.rename(gone.path, temporary);
    } catch (const io::FileError&) {
      continue;  // somebody else took it away
    }
    co_await remove(temporary, std::move(gone.names));
  }
}

sched::task<void> CheckpointWriter::make_ready(Run& run) {
  co_await copy_model(run, copy_);
}

void CheckpointWriter::note(const Outcome& outcome) {
  under_way_ = false;
  if (!outcome.failure) return;
  ++times_.failed_count;
  try {
    std::rethrow_exception(outcome.failure);
  } catch (const io::FileError& error) {
    failures_.push_back(fmt::format("no checkpoint of step {}: {}", outcome.step, error.what()));
  }
}

sched::task<void> CheckpointWriter::settle() {
  if (!under_way_) co_return;
  const std::optional<Outcome> outcome = co_await outcomes_.receive();
  note(*outcome);
}

sched::task<void> CheckpointWriter::save(Run& run, CheckpointState state) {
  const std::uint64_t began_ns = now_ns();
  co_await settle();
  const std::uint64_t copy_began_ns = now_ns();
  const ModelImage image = co_await copy_model(run, copy_);
  Job job(image, std::move(state));
  const std::uint64_t pause_ns = now_ns() - copy_began_ns;
  ++times_.count;
  times_.wait_ns += copy_began_ns - began_ns;
  times_.pause_ns += pause_ns;
  times_.pause_ns_max = std::max(times_.pause_ns_max, pause_ns);
  under_way_ = true;
  co_await jobs_.send(std::move(job));
}

sched::task<void> CheckpointWriter::save_and_wait(Run& run, CheckpointState state) {
  co_await settle();
  for (int attempt = 1;; ++attempt) {
    const ModelImage image{run.model.weights.span(), run.model.moment1.span(), run.model.moment2.span()};
    Job job(image, state);
    co_await jobs_.send(std::move(job));
    const std::optional<Outcome> outcome = co_await outcomes_.receive();
    ++times_.count;
    if (!outcome->failure) co_return;
    ++times_.failed_count;
    if (attempt == 2) std::rethrow_exception(outcome->failure);
  }
}

std::vector<std::string> CheckpointWriter::take_failures() {
  std::optional<Outcome> outcome;
  if (under_way_ && outcomes_.try_receive(outcome)) note(*outcome);
  return std::exchange(failures_, {});
}

sched::task<void> CheckpointWriter::finish() {
  co_await settle();
  jobs_.finish();
}

}  // namespace pipeline
