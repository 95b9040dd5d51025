#include "pipeline/train.hpp"

#include <fmt/format.h>
#include <asio/co_spawn.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <new>
#include <utility>

#include "compute/cpu.hpp"
#include "io/error.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/presets.hpp"
#include "pipeline/worker.hpp"
#include "sched/scope.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

constexpr unsigned validation_blocks = 8;  // of the file blocks; the rest is training's

/// What is found on disk before anything starts.
struct Material {
  io::Corpus corpus;
  Split split;
  std::shared_ptr<const io::Tokenizer> tokenizer;
};

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

/// Sizes of everything that a run allocates at its start.
struct Sizes {
  compute::Gpt2Shape shape;
  std::size_t cores_count, gradients_count, model_floats, workspace_floats, batches_capacity;
  PackerShape packer;
};

Sizes sizes_of(const TrainSettings& settings, const Preset& preset, std::size_t vocabulary, std::size_t cores_count) {
  Sizes sizes{};
  sizes.shape = {preset.layers, preset.heads, preset.channels, vocabulary, settings.seq_len};
  sizes.cores_count = cores_count;
  // With micro-batches begun in order this many buffers never deadlock, and no core waits for long.
  sizes.gradients_count = cores_count + sched::SumTree(settings.step_batches_count()).depth() + 1;
  sizes.model_floats = compute::gpt2_floats(sizes.shape);
  sizes.workspace_floats = compute::gpt2_workspace_floats(sizes.shape, settings.micro_batch, settings.seq_len);
  // While one step computes the next one is there, and no more: ingest then waits.
  sizes.batches_capacity = settings.step_batches_count() + cores_count;
  sizes.packer = {settings.seq_len, settings.micro_batch, settings.step_batches_count(), settings.tokens};
  return sizes;
}

MemoryPlan plan_memory(const Sizes& sizes, const io::FilesOptions& files) {
  const std::uint64_t model_bytes = sizes.model_floats * sizeof(float);
  const std::uint64_t batch_bytes =
      sizes.packer.micro_batch_rows * (sizes.packer.seq_len + 1) * sizeof(io::TokenId) + sizeof(MicroBatch);
  const std::uint64_t batches = sizes.batches_capacity + 2 * sizes.packer.step_batches_count;
  constexpr std::uint64_t program_bytes = 32u << 20;  // code, tokenizer, corpus list, stacks
  return {{{"weights", model_bytes},
           {"moments", 2 * model_bytes},
           {fmt::format("{} gradients", sizes.gradients_count), sizes.gradients_count * model_bytes},
           {fmt::format("activations of {} cores", sizes.cores_count),
            sizes.cores_count * sizes.workspace_floats * sizeof(float)},
           {"batches", batches * batch_bytes},
           {"file blocks", files.blocks_count * files.block_bytes},
           {"program", program_bytes}}};
}

void require_memory(const MemoryPlan& plan) {
  const std::uint64_t available = available_memory_bytes();
  if (available != 0 && plan.total_bytes() > available)
    throw RefusedError(
        fmt::format("the run needs {} and this machine has {} MiB left; take a smaller --model, "
                    "--micro-batch, --seq-len or fewer --cores",
                    plan.description(), available >> 20));
}

void make_run_folder(const std::string& out) {
  std::error_code error;
  fs::create_directories(out + "/checkpoints", error);
  if (error) throw io::FileError(out, 0, error.value(), "make the folder of the run");
}

Model make_model(const Sizes& sizes, std::uint64_t seed) {
  Model model{sizes.shape, compute::gpt2_tensors(sizes.shape), FloatArena(sizes.model_floats),
              FloatArena(sizes.model_floats), FloatArena(sizes.model_floats)};
  compute::gpt2_initialize(model.weights.span(), sizes.shape, seed);
  return model;
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

/// The coroutines of a run and what they share.
class Session {
 public:
  Session(const TrainSettings& settings, const Material& material, const Sizes& sizes, io::Files& files,
          sched::Cores& cores, RunHooks hooks)
      : settings_(settings),
        material_(material),
        sizes_(sizes),
        files_(files),
        gradients_(sizes.gradients_count, sizes.model_floats),
        run_(cores, make_model(sizes, settings.seed), settings.workers, settings.step_batches_count(),
             sizes.batches_capacity, gradients_.pointers(), sizes.workspace_floats),
        console_(files, settings.quiet),
        checkpoints_(files, settings, *material.tokenizer) {
    run_.hooks = std::move(hooks);
  }

  /// Runs to the end on the calling thread, which becomes the thread of `files`.
  void run() {
    std::exception_ptr failure;
    asio::co_spawn(files_.executor(), train_and_validate(), [&](std::exception_ptr result) {
      failure = result;
      files_.stop();
    });
    files_.run();
    if (failure) std::rethrow_exception(failure);
  }

  const Run& shared() const noexcept { return run_; }
  const RunTotals& totals() const noexcept { return totals_; }
  const Accounting& accounting() const noexcept { return accounting_; }
  const CheckpointWriter& checkpoints() const noexcept { return checkpoints_; }

 private:
  sched::task<void> train_and_validate() {
    co_await say_what_will_happen();
    PackerShape shape = sizes_.packer;
    shape.targets_max = co_await targets_of_run();
    const std::uint64_t step_targets = shape.step_batches_count * shape.micro_batch_rows * shape.seq_len;
    const std::uint64_t steps_total = (shape.targets_max + step_targets - 1) / step_targets;
    Plan plan(material_.split.training.size(), settings_.shuffle, settings_.seed, settings_.epochs);
    Ingest ingest = training_ingest(plan, shape, accounting_);
    ControlRoom room{run_,         files_,   settings_, schedule_of(steps_total), steps_total, validation(),
                     checkpoints_, console_, totals_};

    sched::Scope scope(files_.executor());
    scope.spawn(files_.executor(), load_batches(ingest, run_.batches));
    for (std::size_t worker = 0; worker < run_.workers_count; ++worker)
      scope.spawn(run_.cores.of(worker % run_.cores.count()), work(run_, worker));
    scope.spawn(run_.cores.control(), control(room));
    co_await scope.join();
  }

  sched::task<void> say_what_will_happen() {
    const Split& split = material_.split;
    std::string text = fmt::format(
        "{} parameters, {} workers on {} cores ({}), tokenizer {}\n{} files to train on, {} held out; read through {}\n"
        "memory: {}",
        format_count(compute::gpt2_parameters(sizes_.shape)), settings_.workers, run_.cores.count(),
        compute::instruction_set(), material_.tokenizer->description(), format_count(split.training.size()),
        format_count(split.validation.size()), files_.description(),
        plan_memory(sizes_, io::FilesOptions{}).description());
    if (split.validation.empty() && settings_.val_fraction > 0)
      text += "\nnothing is held out: the corpus is too small for --val-fraction; all of it is trained on";
    co_await console_.say(std::move(text));
  }

  /// How many targets the run has. One bounded by epochs reads its corpus once beforehand, as its schedule needs to
  /// know.
  sched::task<std::uint64_t> targets_of_run() {
    const PackerShape& shape = sizes_.packer;
    if (settings_.tokens != 0) co_return settings_.tokens;
    if (settings_.steps != 0)
      co_return settings_.steps* shape.step_batches_count* shape.micro_batch_rows* shape.seq_len;
    std::string text = "counting the tokens of an epoch";
    co_await console_.draw(std::move(text));
    Plan plan(material_.split.training.size(), Plan::Shuffle::none, settings_.seed, 1);
    PackerShape endless = shape;
    endless.targets_max = std::numeric_limits<std::uint64_t>::max();
    Accounting accounting;
    const Ingest ingest = training_ingest(plan, endless, accounting);
    const std::uint64_t epoch_targets = co_await count_targets(ingest);
    co_return epoch_targets* settings_.epochs;
  }

  Ingest training_ingest(Plan& plan, const PackerShape& shape, Accounting& accounting) {
    return {files_,
            material_.split.training,
            plan,
            *material_.tokenizer,
            shape,
            0,
            files_.blocks_count() - validation_blocks,
            settings_.strict,
            true,
            accounting};
  }

  std::optional<Validation> validation() const {
    if (material_.split.validation.empty()) return std::nullopt;
    PackerShape shape = sizes_.packer;
    shape.targets_max = settings_.eval_tokens;
    return Validation{material_.split.validation, *material_.tokenizer, shape,
                      files_.blocks_count() - validation_blocks, validation_blocks};
  }

  compute::Schedule schedule_of(std::uint64_t steps_total) const {
    compute::Schedule schedule;
    schedule.kind = settings_.schedule;
    schedule.peak = settings_.learning_rate;
    schedule.steps = steps_total;
    schedule.warmup_steps = settings_.warmup < 0 ? steps_total / 20 : static_cast<std::uint64_t>(settings_.warmup);
    return schedule;
  }

  const TrainSettings& settings_;
  const Material& material_;
  const Sizes& sizes_;
  io::Files& files_;
  GradientBuffers gradients_;
  Run run_;
  Console console_;
  CheckpointWriter checkpoints_;
  RunTotals totals_;
  Accounting accounting_;
};

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
