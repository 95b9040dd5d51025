#include "pipeline/train.hpp"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include "compute/cpu.hpp"
#include "io/error.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/presets.hpp"
#include "pipeline/session.hpp"
#include "pipeline/sizes.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

Material find_material(const TrainSettings& settings) {
  Material material;
  material.tokenizer = io::load_tokenizer(settings.tokenizer);
  material.corpus = io::find_corpus(settings.paths);
  if (material.corpus.sources.empty()) {
    std::string reason = settings.paths.front() + ": no files to train on";
    if (!material.corpus.skips.empty()) reason += "; " + describe(material.corpus.skips.front());
    throw io::CorpusError(reason + "; give a folder with plain text files");
  }
  if (settings.strict && !material.corpus.skips.empty())
    throw DamageError(describe(material.corpus.skips.front()) + "; repair it, or leave out --strict");
  material.split = split_corpus(material.corpus.sources, settings.val_fraction);
  return material;
}

void make_run_folder(const std::string& out) {
  std::error_code error;
  fs::create_directories(out + "/checkpoints", error);
  if (error) throw io::FileError(out, 0, error.value(), "make the folder of the run");
}

/// skipped.jsonl of the run; written once, at its end. Returns how many documents it names.
std::uint64_t write_skips(const std::string& out, const io::Corpus& corpus, const Accounting& training,
                          const Accounting& validation) {
  const std::string path = out + "/skipped.jsonl";
  std::ofstream file(path, std::ios::binary);
  std::uint64_t count = 0;
  for (const auto* skips : {&corpus.skips, &training.skips, &validation.skips}) {
    for (const io::Skip& skip : *skips) file << to_json_line(skip);
    count += skips->size();
  }
  file.close();
  if (!file) throw io::FileError(path, 0, errno, "write");
  return count;
}

/// After a failure: what was trained and skipped stays; a run that came to nothing leaves nothing.
void leave_run_folder(const std::string& out, const Session& session, const io::Corpus& corpus) {
  std::error_code ignored;
  if (session.totals().progress.steps == 0) {
    fs::remove(out + "/metrics.jsonl", ignored);
    fs::remove(out + "/checkpoints", ignored);
    fs::remove(out, ignored);
    return;
  }
  try {
    write_skips(out, corpus, session.accounting(), session.totals().validation_accounting);
  } catch (const io::FileError&) {
    // The failure that ended the run is what the user must see, and it is thrown on.
  }
}

}  // namespace

TrainResult train(TrainSettings wanted, RunHooks hooks) {
  const std::uint64_t began_ns = now_ns();
  TrainResult result;
  result.settings = complete(std::move(wanted));
  const TrainSettings& settings = result.settings;
  if (!compute::has_fma())
    throw RefusedError("this machine has no fused multiply-add (AVX2 with FMA, or newer), which training needs");
  if (holds_run(settings.out))
    throw RefusedError("--out " + settings.out + ": holds a run already; choose another folder or remove it");
  const std::vector<sched::CoreNumber> core_numbers = sched::choose_cores(settings.cores, sched::allowed_cores());
  const Material material = find_material(settings);
  const Preset& preset = *find_preset(settings.model);
  const Sizes sizes = sizes_of(settings, preset, material.tokenizer->vocabulary_size(), core_numbers.size());
  io::FilesOptions files_options;
  files_options.kind = settings.io;
  require_memory(plan_memory(sizes, files_options));
  make_run_folder(settings.out);

  const std::unique_ptr<io::Files> files = io::make_files(files_options);
  sched::Cores cores(core_numbers, &compute::set_floating_point_mode);
  Session session(settings, material, sizes, *files, cores, std::move(hooks));
  try {
    session.run();
  } catch (const Interrupted&) {
    result.interrupted = true;
  } catch (...) {
    leave_run_folder(settings.out, session, material.corpus);
    throw;
  }

  const Run& run = session.shared();
  result.totals = session.totals();
  result.checkpoint = session.checkpoints().newest();
  result.digest = digest(run.model.tensors, run.model.weights.span());
  result.parameters = compute::gpt2_parameters(sizes.shape);
  result.skipped_count =
      write_skips(settings.out, material.corpus, session.accounting(), session.totals().validation_accounting);
  result.binaries_count = session.accounting().binaries_count + session.totals().validation_accounting.binaries_count;
  result.left_out = material.corpus.left_out;
  result.training_files = material.split.training.size();
  result.validation_files = material.split.validation.size();
  result.cores_count = cores.count();
  result.gradients_count = run.gradients.size();
  result.gradients_count_max = run.gradients.taken_count_max();
  result.batches_waiting_max = run.batches.size_max();
  result.files = files->counters();
  result.files_description = files->description();
  result.seconds = seconds(now_ns() - began_ns);
  return result;
}

}  // namespace pipeline
