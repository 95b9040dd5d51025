#include "pipeline/train.hpp"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <utility>

#include "compute/cpu.hpp"
#include "io/error.hpp"
#include "pipeline/accounting_json.hpp"
#include "pipeline/checkpoint_folders.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/corpus_manifest.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/model_choice.hpp"
#include "pipeline/model_config.hpp"
#include "pipeline/placement.hpp"
#include "pipeline/room.hpp"
#include "pipeline/run_on.hpp"
#include "pipeline/run_tokenizer.hpp"
#include "pipeline/run_trace.hpp"
#include "pipeline/session.hpp"
#include "pipeline/sizes.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

void make_run_folder(const std::string& out) {
  std::error_code error;
  fs::create_directories(out + "/checkpoints", error);
  if (error) throw io::FileError(out, 0, error.value(), "make the folder of the run");
}

/// After a failure: what was skipped is named as far as it was met, although nobody trained on what stands around it.
void complete_skips(const std::string& out, const Accounting& met) {
  const std::string path = out + "/skipped.jsonl";
  std::set<std::string> lines;
  std::ifstream written(path, std::ios::binary);
  for (std::string line; std::getline(written, line);) lines.insert(line + "\n");
  std::ofstream file(path, std::ios::binary | std::ios::app);
  for (const io::Skip& skip : met.skips()) {
    const auto [line, fresh] = lines.insert(to_json_line(skip));
    if (fresh) file << *line;
  }
}

/// After a failure: what was trained and skipped stays; a run that came to nothing leaves nothing.
void leave_run_folder(const std::string& out, const Session& session) {
  remove_abandoned(out);
  if (session.totals().progress.steps != 0) {
    complete_skips(out, session.accounting());
    return;
  }
  std::error_code ignored;
  for (const char* const name :
       {"/metrics.jsonl", "/skipped.jsonl", "/documents.index", "/epochs.json", "/epochs.json.tmp"})
    fs::remove(out + name, ignored);
  fs::remove(out + "/checkpoints", ignored);
  fs::remove(out, ignored);
}

sched::task<void> make_manifest(io::Files& files, const Material& material, std::string& manifest) {
  manifest = co_await corpus_manifest(files, material.datasets);
}

Beginning begin(const TrainSettings& settings, const Material& material, const ModelChoice& choice, const Sizes& sizes,
                io::Files& files) {
  Beginning beginning;
  RunIdentity& identity = beginning.identity;
  identity.configuration = configuration_of(settings, material.shuffle);
  identity.config_json = model_config_json(sizes.shape, material.tokenizer->end_of_text());
  identity.tokenizer_json = material.tokenizer->to_json();
  run_on(files, make_manifest(files, material, identity.manifest));
  if (settings.resume) {
    remove_abandoned(settings.out);
    beginning.resumed = find_resumed(settings, beginning.damaged, beginning.notes);
  }
  LogSizes logs;
  if (beginning.resumed) {
    check_identity(*beginning.resumed, settings, beginning.identity);
    logs = beginning.resumed->state.logs;
  } else {
    if (!choice.folder.empty()) beginning.weights = read_first_weights(choice);
    if (settings.dropout == 0) beginning.notes.insert(beginning.notes.end(), choice.notes.begin(), choice.notes.end());
  }
  cut_log(settings.out + "/metrics.jsonl", logs.metrics_bytes);
  cut_log(settings.out + "/skipped.jsonl", logs.skipped_bytes);
  return beginning;
}

/// Whether there is nothing left to do.
bool is_finished(const Beginning& beginning, const TrainSettings& settings) {
  if (!beginning.resumed) return false;
  const CheckpointState& state = beginning.resumed->state;
  if (settings.steps != 0) return state.progress.steps >= settings.steps;
  return state.finished;
}

/// What is known about a run before it is run, or when there is nothing left to do.
void describe_material(TrainResult& result, const Material& material, const Sizes& sizes) {
  result.parameters = compute::gpt2_parameters(sizes.shape);
  result.left_out = material.left_out();
  result.files_found = material.files_count();
  result.shuffle = material.shuffle;
  result.corpora = material.shares();
  result.cores_count = sizes.cores_count;
}

/// Of a run that was finished before.
void describe_finished(TrainResult& result, const Resumed& resumed, const Material& material) {
  const CheckpointState& state = resumed.state;
  result.totals.progress = state.progress;
  result.totals.final_loss = state.final_loss;
  result.totals.validation = state.validation;
  result.totals.best = state.best;
  result.totals.skipped_count = resumed.skips.size();
  result.totals.accounting = accounting_from_json(state.accounting, {}, material.datasets, resumed.skips);
  result.resumed_steps = state.progress.steps;
  result.checkpoint = resumed.path;
  result.digest = state.digest;
}

/// The trace of a run that fails is written too, and its failure is the one that counts.
void run(Session& session, RunTrace& trace) {
  std::exception_ptr failure;
  try {
    session.run();
  } catch (...) {
    failure = std::current_exception();
  }
  try {
    trace.write();
  } catch (const io::FileError&) {
    if (!failure) throw;
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

TrainResult train(TrainSettings wanted, RunHooks hooks) {
  const std::uint64_t began_ns = now_ns();
  TrainResult result;
  result.settings = complete(std::move(wanted));
  TrainSettings& settings = result.settings;
  if (!compute::has_fma())
    throw RefusedError("this machine has no fused multiply-add (AVX2 with FMA, or newer), which training needs");
  if (!settings.resume && holds_run(settings.out))
    throw RefusedError("--out " + settings.out +
                       ": holds a run already; go on with it by --resume, or choose another folder");
  const Placement placement = place(settings);
  const std::vector<sched::CoreNumber>& core_numbers = placement.executors;
  std::vector<Dataset> datasets = find_datasets(settings);
  RunTokenizer tokenizer = run_tokenizer(settings, datasets);
  Material material =
      make_material(settings, settings.val_fraction, std::move(datasets), std::move(tokenizer.tokenizer));
  const ModelChoice choice = choose_model(settings.model);
  if (settings.steps == 0 && settings.epochs == 0 && settings.tokens == 0)
    settings.steps = choice.steps(material.tokenizer->vocabulary_size());
  const compute::ModelShape shape = choice.shape_for(material.tokenizer->vocabulary_size(), settings.seq_len);
  const Sizes sizes = sizes_of(settings, shape, core_numbers.size());
  const io::FilesOptions files_wanted = files_options(settings);
  require_room(plan_memory(sizes, files_wanted), sizes.gradient_memory);
  RunTrace::require_writable(settings.trace);
  make_run_folder(settings.out);

  const std::unique_ptr<io::Files> files = io::make_files(files_wanted);
  Beginning beginning = begin(settings, material, choice, sizes, *files);
  if (!tokenizer.note.empty()) beginning.notes.push_back(std::move(tokenizer.note));
  describe_material(result, material, sizes);
  if (is_finished(beginning, settings)) {
    describe_finished(result, *beginning.resumed, material);
    result.record_files = result.totals.accounting.record_files();
    result.seconds = seconds(now_ns() - began_ns);
    return result;
  }
  if (beginning.resumed) result.resumed_steps = beginning.resumed->state.progress.steps;

  const sched::ThreadPin pin(settings.pin ? placement.ingest : std::vector<sched::CoreNumber>());
  sched::Cores cores(core_numbers, &compute::set_floating_point_mode, settings.pin);
  RunTrace trace(settings.trace, files->description(), cores);
  Session session(settings, material, sizes, placement, std::move(beginning), *files, cores, std::move(hooks));
  try {
    run(session, trace);
  } catch (const Interrupted&) {
    result.interrupted = true;
    if (session.totals().progress.steps == 0) leave_run_folder(settings.out, session);
  } catch (...) {
    leave_run_folder(settings.out, session);
    throw;
  }

  const Run& run = session.shared();
  result.totals = session.totals();
  result.checkpoint = session.checkpoints().newest();
  result.checkpoints = session.checkpoints().times();
  result.digest = digest(run.model.tensors, run.model.weights.span());
  result.record_files = result.totals.accounting.record_files();
  result.gradients_count = run.gradients.size();
  result.gradients_count_max = run.gradients.taken_count_max();
  result.batches_waiting_max = run.batches.size_max();
  result.gradient_memory = sizes.gradient_memory;
  for (const CoreState& state : run.core_states) result.boundary_crossings += state.times.boundary_crossings();
  result.batches_meter = run.batches.meter();
  result.blocks_meter = session.blocks_meter();
  result.files = files->counters();
  result.files_description = files->description();
  result.seconds = seconds(now_ns() - began_ns);
  return result;
}

}  // namespace pipeline
