#include "pipeline/evaluate.hpp"

#include <algorithm>
#include <numbers>
#include <optional>
#include <utility>

#include "sched/scope.hpp"
#include "sched/trace.hpp"

namespace pipeline {
namespace {

/// What one micro-batch added, and where it stands in the order.
struct Share {
  std::uint64_t number;
  double nats;
  std::uint64_t targets_count;
  std::uint64_t text_bytes;
};

/// Of one core; padded so that cores do not write to the same cache line.
struct alignas(64) Shares {
  std::vector<Share> list;
};

sched::task<void> evaluate_batches(Run& run, sched::CoreIndex core, BatchChannel& batches, Shares& shares) {
  for (;;) {
    const std::optional<MicroBatch> batch = co_await batches.receive();
    if (!batch) co_return;
    const sched::TraceSpan span("evaluate");
    const compute::TokenRows rows = token_rows(*batch);
    const compute::LossSum loss =
        compute::gpt2_loss(run.model.shape, run.model.weights.span(), rows, run.core_states[core].workspace.span());
    shares.list.push_back({batch->step, loss.nats, loss.targets_count, batch->text_bytes});
  }
}

}  // namespace

double Evaluation::bits_per_byte() const noexcept {
  return nats / (std::numbers::ln2 * static_cast<double>(std::max<std::uint64_t>(text_bytes, 1)));
}

sched::task<Evaluation> evaluate(Run& run, Ingest ingest) {
  ingest.shape.step_batches_count = 1;  // steps then number the micro-batches
  BatchChannel batches(2 * run.cores.count());
  std::vector<Shares> shares(run.cores.count());
  sched::Scope scope(run.cores.control());
  scope.spawn(ingest.files.executor(), load_batches(ingest, batches));
  for (sched::CoreIndex core = 0; core < run.cores.count(); ++core)
    scope.spawn(run.cores.of(core), evaluate_batches(run, core, batches, shares[core]));
  co_await scope.join();

  std::vector<Share> all;
  for (const Shares& of_core : shares) all.insert(all.end(), of_core.list.begin(), of_core.list.end());
  std::sort(all.begin(), all.end(), [](const Share& a, const Share& b) { return a.number < b.number; });
  Evaluation evaluation;
  for (const Share& share : all) {
    evaluation.nats += share.nats;
    evaluation.targets_count += share.targets_count;
    evaluation.text_bytes += share.text_bytes;
  }
  co_return evaluation;
}

}  // namespace pipeline
