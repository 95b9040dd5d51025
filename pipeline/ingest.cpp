#include "pipeline/ingest.hpp"

#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "io/read_ahead.hpp"
#include "sched/scope.hpp"

namespace pipeline {
namespace {

io::Order order_of(const Ingest& ingest) {
  return [&sources = ingest.sources, &plan = ingest.plan](std::uint64_t position) -> const io::Source* {
    const std::size_t index = plan.source_at(position);
    return index == Plan::end ? nullptr : &sources[index];
  };
}

void account(const Ingest& ingest, const io::Skip& skip, std::set<const io::Source*>& met, const io::Source& source) {
  if (!met.insert(&source).second) return;  // in an earlier epoch
  if (skip.reason == io::binary_reason) {
    ++ingest.accounting.binaries_count;
    return;
  }
  if (ingest.strict) throw DamageError(describe(skip) + "; repair or remove it, or leave out --strict");
  ingest.accounting.skips.push_back(skip);
}

/// An epoch in which no document could be trained on will not get better.
void require_text(const Ingest& ingest, std::uint64_t documents_met) {
  if (!ingest.required || ingest.accounting.documents_packed != 0 || documents_met < ingest.sources.size()) return;
  std::string reason = "none of the " + std::to_string(documents_met) + " files can be trained on";
  if (!ingest.accounting.skips.empty()) reason += "; the first: " + describe(ingest.accounting.skips.front());
  throw DamageError(reason + "; give a folder with plain text files in UTF-8");
}

sched::task<void> pack(const Ingest& ingest, io::ReadAhead& documents, BatchChannel& batches) {
  Packer packer(ingest.shape, ingest.tokenizer);
  const std::unique_ptr<io::Encoder> encoder = ingest.tokenizer.encoder();
  std::vector<io::TokenId> ids;
  std::set<const io::Source*> skipped;
  std::uint64_t documents_met = 0;
  bool inside_document = false;
  while (!packer.full()) {
    const std::optional<io::Piece> piece = co_await documents.next();
    if (!piece) break;
    ids.clear();
    if (piece->skip()) {
      account(ingest, *piece->skip(), skipped, piece->source());
      if (inside_document) encoder->finish(ids);
    } else {
      encoder->encode(piece->text(), ids);
      if (piece->last()) encoder->finish(ids);
    }
    packer.add(ids);
    if (piece->last()) {
      const bool whole = !piece->skip();
      if (whole || inside_document) packer.end_document(whole);
      if (whole) ++ingest.accounting.documents_packed;
      ++documents_met;
      require_text(ingest, documents_met);
    }
    inside_document = !piece->last();
    for (std::optional<MicroBatch> batch = packer.take(); batch; batch = packer.take())
      co_await batches.send(std::move(*batch));
  }
  packer.finish();
  for (std::optional<MicroBatch> batch = packer.take(); batch; batch = packer.take())
    co_await batches.send(std::move(*batch));
  documents.stop();
  batches.finish();
}

sched::task<void> add_up_targets(BatchChannel& batches, std::uint64_t& targets_count) {
  for (;;) {
    const std::optional<MicroBatch> batch = co_await batches.receive();
    if (!batch) co_return;
    targets_count += batch->targets_count;
  }
}

}  // namespace

sched::task<std::uint64_t> count_targets(Ingest ingest) {
  BatchChannel batches(ingest.shape.step_batches_count);
  std::uint64_t targets_count = 0;
  sched::Scope scope(ingest.files.executor());
  scope.spawn(ingest.files.executor(), load_batches(ingest, batches));
  scope.spawn(ingest.files.executor(), add_up_targets(batches, targets_count));
  co_await scope.join();
  co_return targets_count;
}

sched::task<void> load_batches(Ingest ingest, BatchChannel& batches) {
  io::ReadAhead documents(ingest.files, order_of(ingest), ingest.first_block, ingest.blocks_count);
  sched::Scope scope(ingest.files.executor());
  documents.start(scope);
  scope.spawn(ingest.files.executor(), pack(ingest, documents, batches));
  co_await scope.join();
}

}  // namespace pipeline
