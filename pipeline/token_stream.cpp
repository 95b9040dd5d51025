#include "pipeline/token_stream.hpp"

#include <utility>

namespace pipeline {

namespace {

sched::task<void> tokenize_slabs(SlabJobs& jobs, std::unique_ptr<SlabTokenizer> tokenizer) {
  for (;;) {
    const std::optional<SlabJob*> job = co_await jobs.receive();
    if (!job) co_return;
    SlabJob& slab = **job;
    slab.chunk = tokenizer->tokenize(slab.slab);
    slab.home->give_back(std::exchange(slab.slab, {}));
    bool done = true;
    slab.done.try_send(done);
  }
}

}  // namespace

void start_tokenizing(const sched::Cores& cores, sched::Scope& scope, SlabJobs& jobs, const io::Tokenizer& tokenizer,
                      const io::TextKey& text_key, const Selection& selection) {
  for (sched::CoreIndex core = 0; core < cores.count(); ++core)
    scope.spawn(cores.of(core), tokenize_slabs(jobs, std::make_unique<SlabTokenizer>(tokenizer, text_key, selection)));
}

TokenStream::TokenStream(const Parts& parts, std::unique_ptr<io::StretchOrder> order)
    : executor_(parts.executor),
      order_(std::move(order)),
      reader_(parts.files, parts.executor, *order_, parts.blocks, parts.options),
      tokenizer_(parts.tokenizer, parts.options.text_key, parts.selection),
      jobs_(parts.jobs) {
  if (jobs_ == nullptr) return;
  under_way_ = std::make_unique<sched::Channel<SlabJob*>>(parts.jobs_count);
  for (std::size_t i = 0; i < parts.jobs_count; ++i) {
    SlabJob& job = *own_jobs_.emplace_back(std::make_unique<SlabJob>());
    job.home = &reader_;
    bool free = true;
    job.free.try_send(free);
  }
}

void TokenStream::start(sched::Scope& scope) {
  reader_.start(scope);
  if (jobs_ != nullptr) scope.spawn(executor_, hand_out());
}

void TokenStream::stop() {
  reader_.stop();
  for (auto& job : own_jobs_) job->free.finish();
}

/// Gives slabs to the cores, each through the job that has been free for longest.
sched::task<void> TokenStream::hand_out() {
  for (std::size_t number = 0;; ++number) {
    SlabJob* job = own_jobs_[number % own_jobs_.size()].get();
    const std::optional<bool> free = co_await job->free.receive();
    if (!free) break;
    std::optional<io::Slab> slab = co_await reader_.next();
    if (!slab) break;
    job->slab = std::move(*slab);
    under_way_->try_send(job);
    co_await jobs_->send(job);
  }
  under_way_->finish();
}

sched::task<std::optional<TokenChunk>> TokenStream::next() {
  if (jobs_ == nullptr) {
    std::optional<io::Slab> slab = co_await reader_.next();
    if (!slab) co_return std::nullopt;
    std::optional<TokenChunk> chunk = tokenizer_.tokenize(*slab);
    reader_.give_back(std::move(*slab));
    co_return chunk;
  }
  const std::optional<SlabJob*> job = co_await under_way_->receive();
  if (!job) co_return std::nullopt;
  co_await (*job)->done.receive();
  std::optional<TokenChunk> chunk = std::exchange((*job)->chunk, {});
  bool free = true;
  (*job)->free.try_send(free);
  co_return chunk;
}

}  // namespace pipeline
