// `icosa eval`: how well a model predicts every token of some documents.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "compute/cpu.hpp"
#include "pipeline/checkpoint.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/configuration.hpp"
#include "pipeline/console.hpp"
#include "pipeline/evaluate.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/json.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/prepare.hpp"
#include "pipeline/pretrained.hpp"
#include "pipeline/run_on.hpp"
#include "pipeline/sizes.hpp"
#include "sched/cores.hpp"
#include "sched/scope.hpp"

namespace pipeline {
namespace {

constexpr std::size_t micro_batch_targets = 1024;  // about as many: rows of one length differ little in time per token
constexpr std::size_t skip_lines_max = 20;

/// Shows how far it is.
class Watch final : public EvaluationWatch {
 public:
  Watch(io::Files& files, Console& console, const Material& material, const Accounting& accounting)
      : files_(files),
        console_(console),
        accounting_(accounting),
        documents_total_(material.datasets[0].documents_count()) {
    for (const io::Source& source : material.datasets[0].corpus.sources) bytes_total_ += source.size_bytes;
  }

  sched::task<void> goes_on() override {
    if (interrupted()) throw Interrupted();
    if (!console_.progress_is_due()) co_return;
    const Totals& all = accounting_.all();
    const double done = share_done();
    const double passed = std::max(1e-3, seconds(now_ns() - began_ns_));
    std::string line = fmt::format("{:3.0f} % of {}  {} documents  {} tokens  {:.0f} tokens/s  {} left", 100 * done,
                                   format_bytes(bytes_total_), format_count(all.documents), format_count(all.tokens),
                                   static_cast<double>(all.tokens) / passed,
                                   format_duration(done > 0 ? passed * (1 - done) / done : 0));
    co_await console_.show_progress(std::move(line));
  }

 private:
  double share_done() const {
    const Totals& all = accounting_.all();
    const auto share = [](std::uint64_t part, std::uint64_t whole) {
      return std::min(1.0, static_cast<double>(part) / static_cast<double>(std::max<std::uint64_t>(1, whole)));
    };
    if (documents_total_ && *documents_total_ > 1) return share(all.documents + all.skipped, *documents_total_);
    return share(files_.counters().bytes_read, bytes_total_);
  }

  io::Files& files_;
  Console& console_;
  const Accounting& accounting_;
  std::optional<std::uint64_t> documents_total_;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t began_ns_ = now_ns();
};

struct Result {
  Evaluation evaluation;
  double seconds = 0;
  std::size_t seq_len = 0;
  std::size_t stride = 0;
};

sched::task<void> evaluate_into(Run& run, Ingest ingest, std::size_t context, EvaluationWatch& watch,
                                Evaluation& evaluation) {
  evaluation = co_await evaluate(run, ingest, context, &watch);
}

sched::task<void> evaluate_on_cores(Run& run, Ingest ingest, std::size_t context, Watch& watch, Console& console,
                                    Evaluation& evaluation) {
  sched::Scope scope(ingest.files.executor());
  co_await scope.open();
  scope.spawn(run.cores.control(), evaluate_into(run, ingest, context, watch, evaluation));
  co_await scope.join();
  co_await console.erase();
}

Result evaluate_all(const EvalOptions& options, Checkpoint& checkpoint, Material& material, Accounting& accounting) {
  const std::uint64_t began_ns = now_ns();
  Result result;
  const std::size_t positions = checkpoint.shape.positions;
  result.seq_len = options.seq_len == 0 ? positions : options.seq_len;
  if (result.seq_len > positions)
    throw SettingsError(fmt::format("--seq-len {}: the model has {} positions", result.seq_len, positions));
  result.stride = options.stride == 0 ? std::max<std::size_t>(1, result.seq_len / 2) : options.stride;
  if (result.stride > result.seq_len)
    throw SettingsError(fmt::format("--stride {}: rows have {} positions", result.stride, result.seq_len));
  PackerShape shape{};
  shape.seq_len = result.seq_len;
  shape.micro_batch_rows = std::max<std::size_t>(1, micro_batch_targets / result.seq_len);
  shape.step_batches_count = 1;
  shape.targets_max = std::numeric_limits<std::uint64_t>::max();
  shape.document_mask = value_of(checkpoint.state.configuration, "--doc-mask") == "yes";
  const std::unique_ptr<io::Files> files = io::make_files(files_options(options.data));
  sched::Cores cores(sched::choose_cores(options.data.cores, sched::allowed_cores()),
                     &compute::set_floating_point_mode);
  const std::size_t workspace =
      compute::gpt2_forward_workspace_floats(checkpoint.shape, shape.micro_batch_rows, shape.seq_len);
  Model model{checkpoint.shape, checkpoint.tensors, std::move(checkpoint.weights), {}, {}};
  Run run(cores, std::move(model), 1, 1, GradientMemory::lean, 1, {}, workspace);
  FeedOptions feed = feed_options(options.data, material, Selection::Side::all);
  feed.shuffle = Shuffle::none;
  feed.epochs_max = 1;
  Console console(*files, options.data.quiet);
  Watch watch(*files, console, material, accounting);
  const io::BlockShare blocks{0, files->blocks_count()};
  const Ingest ingest{*files, material.datasets, *material.tokenizer, feed, shape, blocks, true, accounting, {}};
  std::exception_ptr failure;
  try {
    run_on(*files, evaluate_on_cores(run, ingest, result.seq_len - result.stride, watch, console, result.evaluation));
  } catch (...) {
    failure = std::current_exception();
  }
  cores.join();
  if (failure) std::rethrow_exception(failure);
  result.seconds = seconds(now_ns() - began_ns);
  return result;
}

double per(double whole, std::uint64_t parts) {
  return whole / static_cast<double>(std::max<std::uint64_t>(1, parts));
}

std::string json_of(const Checkpoint& checkpoint, const Result& result, const Totals& all) {
  const Evaluation& evaluation = result.evaluation;
  return fmt::format(
      R"({{"checkpoint": {}, "step": {}, "documents": {}, "skipped": {}, "tokens": {}, "text_bytes": {}, "loss": {}, )"
      R"("perplexity": {}, "bits_per_byte": {}, "tokens_per_document": {}, "seq_len": {}, "stride": {}, "seconds": {}, )"
      R"("tokens_per_second": {}}})",
      json_string(checkpoint.path), checkpoint.state.progress.steps, all.documents, all.skipped,
      evaluation.targets_count, evaluation.text_bytes, json_number(evaluation.loss()),
      json_number(evaluation.perplexity()), json_number(evaluation.bits_per_byte()),
      json_number(per(static_cast<double>(evaluation.targets_count), all.documents)), result.seq_len, result.stride,
      json_number(result.seconds), json_number(static_cast<double>(evaluation.targets_count) / result.seconds));
}

std::string text_of(const Checkpoint& checkpoint, const Result& result, const Totals& all) {
  const Evaluation& evaluation = result.evaluation;
  return fmt::format(
      "checkpoint: {}, step {}\nloss: {:.6f}\nperplexity: {:.4f}\nbits per byte: {:.6f}\n"
      "tokens: {} in {} documents of {} bytes, {:.2f} tokens per document\nskipped: {}\n"
      "windows: {} positions, {} tokens further each\ntime: {}, {} tokens per second",
      checkpoint.path, format_count(checkpoint.state.progress.steps), evaluation.loss(), evaluation.perplexity(),
      evaluation.bits_per_byte(), format_count(evaluation.targets_count), format_count(all.documents),
      format_count(evaluation.text_bytes), per(static_cast<double>(evaluation.targets_count), all.documents),
      format_count(all.skipped), result.seq_len, result.stride, format_duration(result.seconds),
      format_count(static_cast<std::uint64_t>(static_cast<double>(evaluation.targets_count) / result.seconds)));
}

void say_skips(const std::vector<io::Skip>& skips) {
  for (std::size_t i = 0; i < std::min(skips.size(), skip_lines_max); ++i)
    fmt::print(stderr, "skipped: {}\n", describe(skips[i]));
  if (skips.size() > skip_lines_max) fmt::print(stderr, "skipped: {} more\n", skips.size() - skip_lines_max);
}

}  // namespace

int eval_command(EvalOptions options) {
  catch_interrupts();
  check(options.data);
  std::vector<std::string> damaged;
  Checkpoint checkpoint = read_model(options.source, damaged);
  for (const std::string& line : damaged) fmt::print(stderr, "passed over: {}\n", line);
  options.data.shuffle = Shuffle::none;
  options.data.tokenizer = tokenizer_name(checkpoint);
  Material material = find_material(options.data, 0);
  check_tokenizer(checkpoint, *material.tokenizer);
  Accounting accounting(Accounting::Rules{options.data.strict, options.data.max_skipped_fraction});
  Result result;
  try {
    result = evaluate_all(options, checkpoint, material, accounting);
  } catch (const Interrupted&) {
    return interrupted_exit_code;
  }
  if (result.evaluation.targets_count == 0)
    throw DamageError(
        "none of the documents can be evaluated; give a folder with text in UTF-8, JSONL or token shards");
  Totals all = accounting.all();
  std::vector<io::Skip> skips = material.skips();
  all.skipped += skips.size();
  skips.insert(skips.end(), accounting.skips().begin(), accounting.skips().end());
  if (!options.data.quiet) say_skips(skips);
  fmt::print("{}\n", options.json ? json_of(checkpoint, result, all) : text_of(checkpoint, result, all));
  return 0;
}

}  // namespace pipeline
