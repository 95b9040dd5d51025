#include "pipeline/session.hpp"

#include <fmt/format.h>

#include <exception>
#include <limits>
#include <string>
#include <utility>

#include "compute/cpu.hpp"
#include "pipeline/accounting_json.hpp"
#include "pipeline/balance.hpp"
#include "pipeline/epoch_count.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/run_on.hpp"
#include "pipeline/worker.hpp"
#include "sched/scope.hpp"

namespace pipeline {
namespace {

/// The weights of a run afresh are made by the control, on all cores.
Model make_model(const Sizes& sizes, Beginning& beginning) {
  if (beginning.resumed) return std::move(beginning.resumed->model);
  return {sizes.shape, compute::gpt2_tensors(sizes.shape),
          beginning.weights ? std::move(*beginning.weights) : FloatArena(sizes.model_floats),
          FloatArena(sizes.model_floats), FloatArena(sizes.model_floats)};
}

}  // namespace

Session::Session(const TrainSettings& settings, Material& material, const Sizes& sizes, const Placement& placement,
                 Beginning beginning, io::Files& files, sched::Cores& cores, RunHooks hooks)
    : settings_(settings),
      material_(material),
      sizes_(sizes),
      placement_(placement),
      beginning_(std::move(beginning)),
      files_(files),
      gradients_(sizes.gradients_count, sizes.model_floats),
      run_(cores, make_model(sizes, beginning_), settings.workers, settings.step_batches_count(), sizes.gradient_memory,
           sizes.batches_capacity, gradients_.pointers(), sizes.workspace_floats),
      console_(files, settings.quiet),
      checkpoint_source_{run_.model.shape, run_.model.tensors, *material.tokenizer, beginning_.identity.manifest},
      checkpoints_(files, checkpoint_source_, {settings.out, settings.keep}),
      accounting_(Accounting::Rules{settings.strict, settings.max_skipped_fraction}) {
  run_.hooks = std::move(hooks);
  run_.model.packed = FloatArena(sizes.packed_floats);
  run_.objective.loss = {static_cast<float>(settings.label_smoothing), static_cast<float>(settings.z_loss)};
  run_.objective.dropout = {static_cast<float>(settings.dropout), settings.seed, 0, 0};
  run_.activations = settings.recompute ? compute::Activations::recomputed : compute::Activations::kept;
  checkpoints_.go_on_with({}, std::move(beginning_.damaged));
  if (beginning_.resumed) go_on();
}

/// What has been counted and written until the checkpoint.
void Session::go_on() {
  Resumed& resumed = *beginning_.resumed;
  const CheckpointState& state = resumed.state;
  totals_.progress = state.progress;
  totals_.final_loss = state.final_loss;
  totals_.validation = state.validation;
  totals_.best = state.best;
  const Accounting::Rules rules{settings_.strict, settings_.max_skipped_fraction};
  accounting_ = accounting_from_json(state.accounting, rules, material_.datasets, resumed.skips);
  totals_.accounting = accounting_;
  totals_.skipped_count = resumed.skips.size();
  checkpoints_.go_on_with(std::move(resumed.kept), std::move(resumed.damaged));
  beginning_.notes = std::move(resumed.notes);
}

void Session::run() {
  std::exception_ptr failure;
  try {
    run_on(files_, train_and_validate());
  } catch (...) {
    failure = std::current_exception();
  }
  // All coroutines have ended, but a core may still be leaving the last one that ran there.
  run_.cores.join();
  if (failure) std::rethrow_exception(failure);
}

sched::task<void> Session::train_and_validate() {
  co_await prepare_corpus();
  co_await say_what_will_happen();
  const RunLength length = co_await length_of_run();
  PackerShape shape = sizes_.packer;
  // One bounded by epochs ends where they end: what is skipped behind the last token belongs to them.
  shape.targets_max = settings_.epochs != 0 ? std::numeric_limits<std::uint64_t>::max() : length.targets;
  Ingest ingest = training_ingest(shape, accounting_);
  ingest.feed.documents.blocks_meter = &blocks_meter_;
  if (beginning_.resumed) ingest.start = beginning_.resumed->state.position;
  ControlRoom room = control_room(length);

  sched::Scope scope(files_.executor());
  co_await scope.open();
  scope.spawn(files_.executor(), load_batches(ingest, run_.batches));
  for (std::size_t worker = 0; worker < run_.workers_count; ++worker)
    scope.spawn(run_.cores.of(worker % run_.cores.count()), work(run_, worker));
  scope.spawn(files_.executor(), checkpoints_.run());
  scope.spawn(run_.cores.control(), control(room));
  co_await scope.join();
}

ControlRoom Session::control_room(const RunLength& length) {
  compute::Schedule schedule;
  schedule.kind = settings_.schedule;
  schedule.peak = settings_.learning_rate;
  schedule.final_fraction = settings_.final_lr_fraction;
  schedule.decay_fraction = settings_.decay_fraction;
  schedule.steps = length.steps;
  schedule.warmup_steps = length.warmup_steps;
  CheckpointState state;
  state.icosa_version = ICOSA_VERSION;
  state.arithmetic = compute::arithmetic_version;
  state.seed = settings_.seed;
  state.configuration = beginning_.identity.configuration;
  LogSizes logs;
  std::vector<io::Skip> skips;
  const bool afresh = !beginning_.resumed && !beginning_.weights;
  if (beginning_.resumed) {
    logs = beginning_.resumed->state.logs;
    skips = beginning_.resumed->skips;
  }
  return {run_,
          files_,
          settings_,
          schedule,
          length,
          logs,
          std::move(skips),
          material_.skips(),
          material_.datasets,
          std::move(state),
          held_out(),
          checkpoints_,
          console_,
          totals_,
          afresh ? std::optional(settings_.seed) : std::nullopt};
}

sched::task<void> Session::prepare_corpus() {
  const io::BlockShare blocks{0, files_.blocks_count()};
  std::string index_path = settings_.out + "/documents.index";
  co_await prepare(files_, blocks, settings_, material_, console_, std::move(index_path));
}

sched::task<void> Session::say_what_will_happen() {
  std::string text = fmt::format(
      "{} parameters, {} workers on {} cores ({}), tokenizer {}\n"
      "{} files, {}, {}; read through {}\nmemory: {}",
      format_count(compute::gpt2_parameters(sizes_.shape)), settings_.workers, run_.cores.count(),
      compute::instruction_set(), material_.tokenizer->description(), format_count(material_.files_count()),
      shuffle_name(material_.shuffle),
      material_.val_fraction > 0 ? fmt::format("{:g} % of the documents held out", 100 * material_.val_fraction)
                                 : "nothing held out",
      files_.description(), plan_memory(sizes_, files_options(settings_)).description());
  text += "\n" + placement_line(placement_, settings_.pin);
  text += "\n" + balance_line(settings_.workers, settings_.accumulate, run_.cores.count());
  if (material_.val_fraction == 0 && settings_.val_fraction > 0)
    text += "\nnothing is held out: the corpus is too small for --val-fraction; all of it is trained on";
  for (const std::string& note : beginning_.notes) text += "\n" + note;
  if (beginning_.resumed)
    text += fmt::format("\ngoing on from {} after {} steps", beginning_.resumed->path,
                        format_count(totals_.progress.steps));
  co_await console_.say(std::move(text));
}

/// How long the run is. One bounded by epochs reads its corpus once beforehand, as its schedule needs to know; where it
/// goes on, a checkpoint says so.
sched::task<RunLength> Session::length_of_run() {
  const PackerShape& shape = sizes_.packer;
  const std::uint64_t step_targets = shape.step_batches_count * shape.micro_batch_rows * shape.seq_len;
  RunLength length;
  if (beginning_.resumed) length = beginning_.resumed->state.length;
  if (settings_.steps != 0) {
    length.targets = settings_.steps * step_targets;
  } else if (settings_.tokens != 0) {
    length.targets = settings_.tokens;
  } else if (!beginning_.resumed) {
    length.targets = co_await count_epochs();
  }
  length.steps = (length.targets + step_targets - 1) / step_targets;
  // The steps of warm-up that have been taken cannot be taken in another way.
  if (!beginning_.resumed)
    length.warmup_steps = settings_.warmup < 0 ? length.steps / 20 : static_cast<std::uint64_t>(settings_.warmup);
  co_return length;
}

/// By what an earlier call has counted, where it was killed before its first checkpoint.
sched::task<std::uint64_t> Session::count_epochs() {
  const std::string key = count_key(beginning_.identity);
  const std::optional<std::uint64_t> kept = read_count(settings_.out, key);
  if (kept) co_return *kept;
  PackerShape endless = sizes_.packer;
  endless.targets_max = std::numeric_limits<std::uint64_t>::max();
  Accounting accounting(Accounting::Rules{settings_.strict, settings_.max_skipped_fraction});
  Ingest ingest = training_ingest(endless, accounting);
  // The length of a mixture depends on its order: it ends with the first corpus that ends.
  const bool mixed = material_.datasets.size() > 1;
  ingest.feed.epochs_max = mixed ? settings_.epochs : 1;
  if (!mixed && ingest.feed.shuffle == Shuffle::global) ingest.feed.shuffle = Shuffle::none;
  std::optional<std::uint64_t> bytes_total;
  if (!mixed) {
    bytes_total = 0;
    for (const io::Source* const source : select_files(material_.datasets[0].corpus.sources, ingest.feed.selection))
      *bytes_total += source->size_bytes;
  }
  std::uint64_t targets_count = co_await count_targets(ingest, run_.cores, console_, bytes_total);
  if (!mixed) targets_count *= settings_.epochs;
  co_await keep_count(files_, settings_.out, key, targets_count);
  co_return targets_count;
}

Ingest Session::training_ingest(const PackerShape& shape, Accounting& accounting) {
  FeedOptions feed = feed_options(settings_, material_, Selection::Side::training);
  feed.epochs_max = settings_.epochs;
  const io::BlockShare blocks{0, files_.blocks_count() - validation_blocks(files_.blocks_count())};
  return {files_, material_.datasets, *material_.tokenizer, feed, shape, blocks, true, accounting, {}};
}

std::optional<HeldOut> Session::held_out() {
  if (material_.val_fraction == 0) return std::nullopt;
  PackerShape shape = sizes_.packer;
  shape.targets_max = settings_.eval_tokens;
  FeedOptions feed = feed_options(settings_, material_, Selection::Side::validation);
  feed.shuffle = Shuffle::none;
  feed.epochs_max = 1;
  feed.in_turn = true;
  const unsigned share = validation_blocks(files_.blocks_count());
  const io::BlockShare blocks{files_.blocks_count() - share, share};
  return HeldOut{material_.datasets, *material_.tokenizer, feed, shape, blocks};
}

}  // namespace pipeline
