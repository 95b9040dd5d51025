#include "pipeline/document_feed.hpp"

#include <numeric>
#include <utility>

namespace pipeline {

DocumentFeed::DocumentFeed(const Place& place, std::vector<Dataset>& datasets, const io::Tokenizer& tokenizer,
                           const FeedOptions& options, const FeedPosition& start)
    : in_turn_(options.in_turn) {
  const unsigned share = place.blocks.count / static_cast<unsigned>(datasets.size());
  for (std::size_t i = 0; i < datasets.size(); ++i) {
    const io::BlockShare blocks{place.blocks.first + static_cast<unsigned>(i) * share, share};
    const TokenStream::Parts stream{place.files,       place.executors.front(), blocks,     tokenizer,
                                    options.documents, options.selection,       place.jobs, place.jobs_count};
    const CorpusStream::Parts parts{stream,          place.executors, datasets[i],
                                    options.shuffle, options.seed,    options.epochs_max};
    const CorpusPosition position = i < start.corpora.size() ? start.corpora[i] : CorpusPosition{};
    streams_.push_back(std::make_unique<CorpusStream>(parts, position));
    weights_.push_back(datasets[i].weight);
    given_count_ += position.documents_count;
  }
  const double sum = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  for (double& weight : weights_) weight /= sum;
  choose();
  streams_[current_]->begin_inside(start.inside);
}

void DocumentFeed::start(sched::Scope& scope) {
  for (auto& stream : streams_) stream->start(scope);
}

void DocumentFeed::stop() {
  for (auto& stream : streams_) stream->stop();
}

/// The corpus that is furthest behind its share: after n documents none is more than one off.
void DocumentFeed::choose() {
  choose_next_ = false;
  if (in_turn_) return;
  double most_behind = -1;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    const double due = weights_[i] * static_cast<double>(given_count_ + 1);
    const double behind = due - static_cast<double>(streams_[i]->position().documents_count);
    if (i != 0 && behind <= most_behind) continue;
    most_behind = behind;
    current_ = i;
  }
}

const TokenPart* DocumentFeed::take() {
  if (choose_next_) choose();
  const TokenPart* const part = streams_[current_]->take();
  if (part == nullptr || !part->last) return part;
  const io::RawDocument::Kind kind = part->item->document.kind;
  if (kind == io::RawDocument::Kind::whole || kind == io::RawDocument::Kind::lengthy) {
    ++given_count_;
    choose_next_ = true;
  }
  return part;
}

sched::task<bool> DocumentFeed::fetch() {
  if (choose_next_) choose();
  for (;;) {
    const bool more = co_await streams_[current_]->fetch();
    if (more) co_return true;
    if (!in_turn_ || current_ + 1 == streams_.size()) co_return false;
    ++current_;
  }
}

FeedPosition DocumentFeed::position() const {
  FeedPosition position;
  for (const auto& stream : streams_) position.corpora.push_back(stream->position());
  return position;
}

}  // namespace pipeline
