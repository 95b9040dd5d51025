#include "pipeline/resume.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "compute/cpu.hpp"
#include "io/readable_file.hpp"
#include "pipeline/accounting_json.hpp"
#include "pipeline/checkpoint_folders.hpp"
#include "pipeline/corpus_manifest.hpp"

namespace pipeline {
namespace {

constexpr std::size_t lines_max = 5;  // of what differs: the rest is counted

std::string text_of(const io::ReadableFile& file, std::uint64_t bytes) {
  const std::vector<std::byte> read = file.read(0, bytes);
  return {reinterpret_cast<const char*>(read.data()), read.size()};
}

/// state.json alone: of checkpoints that are kept but not gone on from.
KeptCheckpoint look_at(const std::string& path) {
  KeptCheckpoint kept{path, names_in(path), std::nullopt};
  try {
    const io::ReadableFile file(path + "/state.json");
    const CheckpointState state = parse_state(text_of(file, file.size_bytes()), file.path());
    if (state.validation) kept.loss = state.validation->evaluation.loss();
  } catch (const std::runtime_error&) {
    // It is as good as the others for being removed in its turn.
  }
  return kept;
}

Resumed resumed_from(Checkpoint checkpoint) {
  Resumed resumed;
  read_moments(checkpoint, resumed.model.moment1, resumed.model.moment2);
  resumed.model.weights = std::move(checkpoint.weights);
  resumed.model.shape = checkpoint.shape;
  resumed.model.tensors = std::move(checkpoint.tensors);
  resumed.path = checkpoint.path;
  resumed.state = std::move(checkpoint.state);
  return resumed;
}

/// A log is at least as long as the checkpoint says, or somebody has cut it.
void check_log(Resumed& resumed, const std::string& path, std::uint64_t& bytes) {
  std::error_code missing;
  const std::uint64_t found = std::filesystem::file_size(path, missing);
  if (!missing && found >= bytes) return;
  resumed.notes.push_back(path + ": shorter than the checkpoint says; what it has lost stays lost");
  bytes = missing ? 0 : found;
}

/// They say where documents lay.
void remove_indexes(const std::string& run) noexcept {
  std::error_code ignored;
  for (const std::string& name : names_in(run))
    if (name.starts_with("documents.index")) std::filesystem::remove(run + "/" + name, ignored);
}

/// What --model names now and what it named.
std::string model_difference(const std::string& is, const std::string& was, const std::string& checkpoint) {
  if (is != was) return fmt::format("--model is {} and was {}", is, was);
  return fmt::format("--model {} is another model than the run began with, which is {}/config.json", is, checkpoint);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : ", ") + line;
  return text;
}

}  // namespace

std::optional<Resumed> find_resumed(const TrainSettings& settings, std::vector<KeptCheckpoint>& damaged,
                                    std::vector<std::string>& notes) {
  std::vector<std::string> found = list_checkpoints(settings.out);
  for (; !found.empty(); found.pop_back()) {
    const std::string& path = found.back();
    try {
      std::vector<std::string> none;
      Resumed resumed = resumed_from(read_checkpoint(path, none));
      for (const std::string& older : found) resumed.kept.push_back(look_at(older));
      resumed.damaged = std::move(damaged);
      resumed.notes = std::move(notes);
      check_log(resumed, settings.out + "/metrics.jsonl", resumed.state.logs.metrics_bytes);
      check_log(resumed, settings.out + "/skipped.jsonl", resumed.state.logs.skipped_bytes);
      if (resumed.state.logs.skipped_bytes != 0) {
        const io::ReadableFile skipped(settings.out + "/skipped.jsonl");
        resumed.skips = skips_from_lines(text_of(skipped, resumed.state.logs.skipped_bytes));
      }
      return resumed;
    } catch (const NewerVersionError&) {
      throw;
    } catch (const CheckpointError& error) {
      damaged.push_back({path, names_in(path), std::nullopt});
      notes.push_back(std::string(error.what()) + ": passed over");
    }
  }
  return std::nullopt;
}

void check_identity(Resumed& resumed, const TrainSettings& settings, const RunIdentity& now) {
  const CheckpointState& state = resumed.state;
  Checkpoint checkpoint;
  checkpoint.path = resumed.path;
  checkpoint.state.files = state.files;
  if (state.arithmetic != compute::arithmetic_version)
    throw RefusedError(
        fmt::format("{}: of arithmetic {}, and this icosa computes with {}: the run would go on with other "
                    "bits; go on with icosa {}",
                    resumed.path, state.arithmetic, compute::arithmetic_version, state.icosa_version));
  if (settings.steps != 0 && settings.steps < state.progress.steps)
    throw RefusedError(fmt::format("--steps {}: the run has done {} steps already; give at least that", settings.steps,
                                   state.progress.steps));
  std::vector<std::string> lines = configuration_differences(state.configuration, now.configuration);
  const bool same_model = read_checkpoint_text(checkpoint, "config.json") == now.config_json;
  if (!same_model && value_of(state.configuration, "--seq-len") == std::to_string(settings.seq_len))
    lines.push_back(model_difference(settings.model, value_of(state.configuration, "--model"), resumed.path));
  if (read_checkpoint_text(checkpoint, "tokenizer.json") != now.tokenizer_json)
    lines.push_back(
        fmt::format("--tokenizer is {} and was {}", settings.tokenizer, value_of(state.configuration, "--tokenizer")));
  if (!same_model) throw RefusedError("--resume: " + joined(lines) + "; give what the run began with");
  if (!lines.empty() && !settings.resume_anyway)
    throw RefusedError("--resume: " + joined(lines) + "; give what the run began with, or --resume-anyway");
  for (const std::string& line : lines) resumed.notes.push_back("going on although " + line);

  lines = manifest_differences(read_checkpoint_text(checkpoint, "corpus.jsonl"), now.manifest, lines_max);
  if (!lines.empty() && !settings.resume_anyway)
    throw RefusedError("--resume: the corpus has changed: " + joined(lines) +
                       "; restore it, or go on with what there is with --resume-anyway");
  if (!lines.empty()) remove_indexes(settings.out);
  for (const std::string& line : lines) resumed.notes.push_back("going on although " + line);

  const std::string steps = value_of(state.configuration, "--steps");
  if (settings.steps != 0 && steps != std::to_string(settings.steps) &&
      settings.schedule != compute::ScheduleKind::constant)
    resumed.notes.push_back(
        fmt::format("the run is {} steps long and was {}: from here on the learning rate takes "
                    "another curve",
                    settings.steps, steps));
}

}  // namespace pipeline
