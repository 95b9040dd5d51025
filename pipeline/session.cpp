#include "pipeline/session.hpp"

#include <fmt/format.h>
#include <asio/co_spawn.hpp>

#include <exception>
#include <limits>
#include <string>
#include <utility>

#include "compute/cpu.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/worker.hpp"
#include "sched/scope.hpp"

namespace pipeline {
namespace {

Model make_model(const Sizes& sizes, std::uint64_t seed) {
  Model model{sizes.shape, compute::gpt2_tensors(sizes.shape), FloatArena(sizes.model_floats),
              FloatArena(sizes.model_floats), FloatArena(sizes.model_floats)};
  compute::gpt2_initialize(model.weights.span(), sizes.shape, seed);
  return model;
}

}  // namespace

Session::Session(const TrainSettings& settings, Material& material, const Sizes& sizes, io::Files& files,
                 sched::Cores& cores, RunHooks hooks)
    : settings_(settings),
      material_(material),
      sizes_(sizes),
      files_(files),
      gradients_(sizes.gradients_count, sizes.model_floats),
      run_(cores, make_model(sizes, settings.seed), settings.workers, settings.step_batches_count(),
           sizes.batches_capacity, gradients_.pointers(), sizes.workspace_floats),
      console_(files, settings.quiet),
      checkpoints_(files, settings, *material.tokenizer),
      accounting_(Accounting::Rules{settings.strict, settings.max_skipped_fraction}) {
  run_.hooks = std::move(hooks);
}

void Session::run() {
  std::exception_ptr failure;
  asio::co_spawn(files_.executor(), train_and_validate(), [&](std::exception_ptr result) {
    failure = result;
    files_.stop();
  });
  files_.run();
  // All coroutines have ended, but the opening of a gate may still be on its way to a core.
  run_.cores.join();
  if (failure) std::rethrow_exception(failure);
}

sched::task<void> Session::train_and_validate() {
  co_await prepare_corpus();
  co_await say_what_will_happen();
  PackerShape shape = sizes_.packer;
  shape.targets_max = co_await targets_of_run();
  const std::uint64_t step_targets = shape.step_batches_count * shape.micro_batch_rows * shape.seq_len;
  const std::uint64_t steps_total = (shape.targets_max + step_targets - 1) / step_targets;
  Ingest ingest = training_ingest(shape, accounting_);
  ControlRoom room{run_,         files_,   settings_, schedule_of(steps_total), steps_total, validation(),
                   checkpoints_, console_, totals_};

  sched::Scope scope(files_.executor());
  scope.spawn(files_.executor(), load_batches(ingest, run_.batches));
  for (std::size_t worker = 0; worker < run_.workers_count; ++worker)
    scope.spawn(run_.cores.of(worker % run_.cores.count()), work(run_, worker));
  scope.spawn(run_.cores.control(), control(room));
  co_await scope.join();
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
  if (material_.val_fraction == 0 && settings_.val_fraction > 0)
    text += "\nnothing is held out: the corpus is too small for --val-fraction; all of it is trained on";
  co_await console_.say(std::move(text));
}

/// How many targets the run has. One bounded by epochs reads its corpus once beforehand, as its schedule needs to
/// know.
sched::task<std::uint64_t> Session::targets_of_run() {
  const PackerShape& shape = sizes_.packer;
  if (settings_.tokens != 0) co_return settings_.tokens;
  if (settings_.steps != 0) co_return settings_.steps* shape.step_batches_count* shape.micro_batch_rows* shape.seq_len;
  std::string text = "counting the tokens of an epoch";
  co_await console_.draw(std::move(text));
  PackerShape endless = shape;
  endless.targets_max = std::numeric_limits<std::uint64_t>::max();
  Accounting accounting(Accounting::Rules{settings_.strict, settings_.max_skipped_fraction});
  Ingest ingest = training_ingest(endless, accounting);
  // The length of a mixture depends on its order: it ends with the first corpus that ends.
  const bool mixed = material_.datasets.size() > 1;
  ingest.feed.epochs_max = mixed ? settings_.epochs : 1;
  if (!mixed && ingest.feed.shuffle == Shuffle::global) ingest.feed.shuffle = Shuffle::none;
  const std::uint64_t counted_targets = co_await count_targets(ingest);
  co_return mixed ? counted_targets : counted_targets* settings_.epochs;
}

Ingest Session::training_ingest(const PackerShape& shape, Accounting& accounting) {
  FeedOptions feed = feed_options(settings_, material_, Selection::Side::training);
  feed.epochs_max = settings_.epochs;
  const io::BlockShare blocks{0, files_.blocks_count() - validation_blocks(files_.blocks_count())};
  return {files_, material_.datasets, *material_.tokenizer, feed, shape, blocks, true, accounting, {}};
}

std::optional<Validation> Session::validation() {
  if (material_.val_fraction == 0) return std::nullopt;
  PackerShape shape = sizes_.packer;
  shape.targets_max = settings_.eval_tokens;
  FeedOptions feed = feed_options(settings_, material_, Selection::Side::validation);
  feed.shuffle = Shuffle::none;
  feed.epochs_max = 1;
  feed.in_turn = true;
  const unsigned share = validation_blocks(files_.blocks_count());
  const io::BlockShare blocks{files_.blocks_count() - share, share};
  return Validation{material_.datasets, *material_.tokenizer, feed, shape, blocks};
}

compute::Schedule Session::schedule_of(std::uint64_t steps_total) const {
  compute::Schedule schedule;
  schedule.kind = settings_.schedule;
  schedule.peak = settings_.learning_rate;
  schedule.steps = steps_total;
  schedule.warmup_steps = settings_.warmup < 0 ? steps_total / 20 : static_cast<std::uint64_t>(settings_.warmup);
  return schedule;
}

}  // namespace pipeline
