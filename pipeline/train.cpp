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
#include "pipeline/clock.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/presets.hpp"
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

/// skipped.jsonl of the run; written once, at its end. Returns how many documents it names.
std::uint64_t write_skips(const std::string& out, const Material& material, const Accounting& training,
                          const Accounting& validation) {
  const std::string path = out + "/skipped.jsonl";
  std::ofstream file(path, std::ios::binary);
  std::set<std::string> lines;  // an archive that breaks off is met by both sides
  const std::vector<io::Skip> walked = material.skips();
  for (const auto* skips : {&walked, &training.skips(), &validation.skips()}) {
    for (const io::Skip& skip : *skips) {
      const auto [line, fresh] = lines.insert(to_json_line(skip));
      if (fresh) file << *line;
    }
  }
  file.close();
  if (!file) throw io::FileError(path, 0, errno, "write");
  return lines.size();
}

/// After a failure: what was trained and skipped stays; a run that came to nothing leaves nothing.
void leave_run_folder(const std::string& out, const Session& session, const Material& material) {
  std::error_code ignored;
  if (session.totals().progress.steps == 0) {
    for (const char* const name : {"/metrics.jsonl", "/documents.index"}) fs::remove(out + name, ignored);
    fs::remove(out + "/checkpoints", ignored);
    fs::remove(out, ignored);
    return;
  }
  try {
    write_skips(out, material, session.accounting(), session.totals().validation_accounting);
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
  Material material = find_material(settings, settings.val_fraction);
  const Preset& preset = *find_preset(settings.model);
  const Sizes sizes = sizes_of(settings, preset, material.tokenizer->vocabulary_size(), core_numbers.size());
  const io::FilesOptions files_wanted = files_options(settings);
  require_memory(plan_memory(sizes, files_wanted));
  make_run_folder(settings.out);

  const std::unique_ptr<io::Files> files = io::make_files(files_wanted);
  sched::Cores cores(core_numbers, &compute::set_floating_point_mode);
  Session session(settings, material, sizes, *files, cores, std::move(hooks));
  try {
    session.run();
  } catch (const Interrupted&) {
    result.interrupted = true;
  } catch (...) {
    leave_run_folder(settings.out, session, material);
    throw;
  }

  const Run& run = session.shared();
  result.totals = session.totals();
  result.checkpoint = session.checkpoints().newest();
  result.digest = digest(run.model.tensors, run.model.weights.span());
  result.parameters = compute::gpt2_parameters(sizes.shape);
  result.skipped_count =
      write_skips(settings.out, material, session.accounting(), session.totals().validation_accounting);
  result.accounting = session.accounting();
  result.record_files = result.accounting.record_files();
  result.binaries_count =
      session.accounting().binaries_count() + session.totals().validation_accounting.binaries_count();
  result.left_out = material.left_out();
  result.files_found = material.files_count();
  result.shuffle = material.shuffle;
  result.corpora = material.shares();
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
