#include "pipeline/ingest.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "sched/scope.hpp"
#include "sched/trace.hpp"

namespace pipeline {
namespace {

/// An epoch in which no document could be trained on will not get better.
void require_text(const Ingest& ingest, std::uint64_t documents_before) {
  const Accounting& accounting = ingest.accounting;
  if (!ingest.required || documents_before + accounting.all().documents != 0) return;
  const std::uint64_t met = accounting.skips().size() + accounting.binaries_count();
  std::string reason = "none of the " + std::to_string(met) + " documents can be trained on";
  if (!accounting.skips().empty()) reason += "; the first: " + describe(accounting.skips().front());
  throw DamageError(reason + "; give a folder with text in UTF-8, JSONL with a --text-key, or token shards");
}

/// Nobody is judged by the books of a step.
constexpr Accounting::Rules no_judgement{false, 1};

/// Packs what the feed gives, and keeps with each step where ingest goes on after it and what it entered in its books.
class FeedPacker {
 public:
  FeedPacker(const Ingest& ingest, const DocumentFeed& feed)
      : feed_(feed),
        packer_(ingest.shape, ingest.tokenizer),
        end_of_text_(ingest.tokenizer.end_of_text()),
        behind_(ingest.start.feed),
        dropped_(ingest.start.document_tokens - ingest.start.feed.inside.tokens) {
    document_.tokens = document_tokens_ = ingest.start.feed.inside.tokens;
    document_.bytes = ingest.start.feed.inside.text_bytes;
    if (behind_.corpora.empty()) behind_ = feed.position();
    packer_.go_on_after(ingest.start.steps, ingest.start.targets_count, ingest.start.previous);
  }

  Packer& packer() noexcept { return packer_; }

  /// The last step may be partial; what follows its last document belongs to it too.
  void finish() {
    if (marked_books_) {
      const auto behind_the_step = std::exchange(books_, std::make_shared<Accounting>(*marked_books_));
      *books_ += *behind_the_step;
    }
    mark();
    packer_.finish();
  }

  /// `fresh`: not a skip of an earlier epoch.
  void add(const TokenPart& part, bool fresh) {
    using Kind = io::RawDocument::Kind;
    const Kind kind = part.item->document.kind;
    if (kind == Kind::whole || kind == Kind::lengthy) {
      behind_.inside = part.restart;
      document_.tokens += part.ids.size();
      document_.bytes += part.text_bytes;
      add_ids(part.ids, nullptr);
      if (part.last) add_ids(std::span(&end_of_text_, 1), part.item->document.source);
    } else if (fresh) {
      books_->enter(part, feed_.corpus());
    }
    // Where the run ends within a document, another may go on there.
    if (!part.last || packer_.full()) return;
    document_ = {};
    document_tokens_ = 0;
    behind_ = feed_.position();
  }

 private:
  /// In slices that end where a step does. `ended`: whose end these ids are, or none.
  void add_ids(std::span<const io::TokenId> ids, const io::Source* ended) {
    const std::size_t known = std::min<std::uint64_t>(dropped_, ids.size());
    dropped_ -= known;
    document_tokens_ += known;
    ids = ids.subspan(known);
    while (!ids.empty() && !packer_.full()) {
      std::uint64_t room = packer_.step_room();
      if (room == 0) room = packer_.step_targets();
      const std::span<const io::TokenId> slice = ids.first(std::min<std::uint64_t>(room, ids.size()));
      if (packer_.step_room() == 0) marked_books_.reset();  // that step was not the last
      if (ended != nullptr) {
        packer_.end_document(true);
        document_.documents = 1;
        books_->enter(*ended, feed_.corpus(), document_);
      } else {
        packer_.add(slice);
      }
      ids = ids.subspan(slice.size());
      document_tokens_ += slice.size();
      if (packer_.step_room() == 0) mark();
    }
  }

  void mark() {
    marked_books_ = std::exchange(books_, std::make_shared<Accounting>(no_judgement));
    packer_.mark(position(), marked_books_);
  }

  IngestPosition position() const {
    return {behind_, document_tokens_, packer_.step(), packer_.targets_count(), packer_.previous()};
  }

  const DocumentFeed& feed_;
  Packer packer_;
  const io::TokenId end_of_text_;
  std::shared_ptr<Accounting> books_ = std::make_shared<Accounting>(no_judgement);  // since the last mark
  std::shared_ptr<const Accounting> marked_books_;                                  // of a step that is not on its way
  Totals document_;                                                                 // the one under way
  FeedPosition behind_;                                                             // the last whole document
  std::uint64_t document_tokens_ = 0;
  std::uint64_t dropped_;  // of the first document: consumed before the start
};

/// Waits where training is not through with what it has: that is when ingest is ahead.
sched::task<void> send(MicroBatch batch, BatchChannel& batches, bool traced) {
  const bool sent = batches.try_send(batch);
  if (!sent) {
    const std::uint64_t began_ns = sched::now_ns();
    co_await batches.send(std::move(batch));
    if (traced) sched::trace_flight("wait", 0, began_ns);
  }
  if (traced) sched::trace_counter("batches waiting", batches.size());
}

/// Lets the helpers go when there is nothing more to tokenize.
sched::task<void> pack(const Ingest& ingest, DocumentFeed& feed, BatchChannel& batches, SlabJobs& jobs) {
  FeedPacker packing(ingest, feed);
  Packer& packer = packing.packer();
  const bool traced = sched::is_traced() && ingest.required;  // an evaluation's channel is another one
  std::uint64_t documents_before = 0;
  for (const CorpusPosition& corpus : ingest.start.feed.corpora) documents_before += corpus.documents_count;
  while (!packer.full()) {
    const TokenPart* const part = feed.take();
    if (part == nullptr) {
      const bool more = co_await feed.fetch();
      if (!more) break;
      continue;
    }
    const bool fresh = ingest.accounting.enter(*part, feed.corpus());
    {
      const sched::TraceSpan span("pack");
      packing.add(*part, fresh);
    }
    if (part->item->document.kind == io::RawDocument::Kind::epoch_end) require_text(ingest, documents_before);
    for (std::optional<MicroBatch> batch = packer.take(); batch; batch = packer.take())
      co_await send(std::move(*batch), batches, traced);
  }
  packing.finish();
  for (std::optional<MicroBatch> batch = packer.take(); batch; batch = packer.take())
    co_await send(std::move(*batch), batches, traced);
  feed.stop();
  jobs.finish();
  batches.finish();
}

}  // namespace

sched::task<void> load_batches(Ingest ingest, BatchChannel& batches) {
  DocumentFeed::Place place{ingest.files, {ingest.files.executor()}, ingest.blocks};
  if (ingest.helpers != nullptr) place.jobs_count = slab_jobs_count(*ingest.helpers);
  SlabJobs jobs(place.jobs_count + 1);
  if (ingest.helpers != nullptr) place.jobs = &jobs;
  // Before the scope of the helpers, which read what it owns, until they have ended.
  DocumentFeed feed(place, ingest.datasets, ingest.tokenizer, ingest.feed, ingest.start.feed);
  sched::Scope scope(ingest.files.executor());
  co_await scope.open();
  feed.start(scope);
  if (ingest.helpers != nullptr)
    start_tokenizing(*ingest.helpers, scope, jobs, ingest.tokenizer, ingest.feed.documents.text_key,
                     ingest.feed.selection);
  scope.spawn(ingest.files.executor(), pack(ingest, feed, batches, jobs));
  co_await scope.join();
}

}  // namespace pipeline
