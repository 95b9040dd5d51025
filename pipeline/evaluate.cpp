#include "pipeline/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>
#include <utility>

#include "pipeline/window_packer.hpp"
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

/// Fills the channel with windows until the plan or the packer ends.
sched::task<void> pack_windows(const Ingest& ingest, std::size_t context, DocumentFeed& feed, BatchChannel& batches,
                               EvaluationWatch* watch) {
  using Kind = io::RawDocument::Kind;
  WindowPacker packer(ingest.shape, context, ingest.tokenizer);
  const io::TokenId end_of_text = ingest.tokenizer.end_of_text();
  while (!packer.full()) {
    const TokenPart* const part = feed.take();
    if (part == nullptr) {
      if (watch != nullptr) co_await watch->goes_on();
      const bool more = co_await feed.fetch();
      if (!more) break;
      continue;
    }
    ingest.accounting.enter(*part, feed.corpus());
    const Kind kind = part->item->document.kind;
    if (kind != Kind::whole && kind != Kind::lengthy) continue;
    packer.add(part->ids);
    if (part->last) packer.add(std::span(&end_of_text, 1));
    for (std::optional<MicroBatch> batch = packer.take(); batch; batch = packer.take())
      co_await batches.send(std::move(*batch));
  }
  packer.finish();
  for (std::optional<MicroBatch> batch = packer.take(); batch; batch = packer.take())
    co_await batches.send(std::move(*batch));
  feed.stop();
  batches.finish();
}

sched::task<void> load_windows(Ingest ingest, std::size_t context, BatchChannel& batches, EvaluationWatch* watch) {
  const DocumentFeed::Place place{ingest.files, {ingest.files.executor()}, ingest.blocks};
  DocumentFeed feed(place, ingest.datasets, ingest.tokenizer, ingest.feed, ingest.start.feed);
  sched::Scope scope(ingest.files.executor());
  co_await scope.open();
  feed.start(scope);
  scope.spawn(ingest.files.executor(), pack_windows(ingest, context, feed, batches, watch));
  co_await scope.join();
}

}  // namespace

double Evaluation::bits_per_byte() const noexcept {
  return nats / (std::numbers::ln2 * static_cast<double>(std::max<std::uint64_t>(text_bytes, 1)));
}

double Evaluation::perplexity() const noexcept {
  return std::exp(loss());
}

sched::task<Evaluation> evaluate(Run& run, Ingest ingest, std::size_t context, EvaluationWatch* watch) {
  BatchChannel batches(2 * run.cores.count());
  std::vector<Shares> shares(run.cores.count());
  sched::Scope scope(run.cores.control());
  co_await scope.open();
  scope.spawn(ingest.files.executor(), load_windows(ingest, context, batches, watch));
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
