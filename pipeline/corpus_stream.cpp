#include "pipeline/corpus_stream.hpp"

#include <algorithm>
#include <utility>

namespace pipeline {
namespace {

using Kind = io::RawDocument::Kind;

std::span<const io::TokenId> ids_of(const TokenChunk& chunk, std::size_t index) {
  const std::size_t begin = index == 0 ? 0 : chunk.items[index - 1].ids_end;
  return std::span(chunk.ids).subspan(begin, chunk.items[index].ids_end - begin);
}

}  // namespace

CorpusStream::CorpusStream(const Parts& parts, const CorpusPosition& start)
    : files_(parts.stream.files),
      tokenizer_(parts.stream.tokenizer),
      text_key_(parts.stream.options.text_key),
      seed_(parts.seed),
      windowed_(parts.shuffle == Shuffle::window),
      one_per_unit_(parts.shuffle == Shuffle::global && parts.dataset.index != nullptr),
      selected_(select_files(parts.dataset.corpus.sources, parts.stream.selection)),
      position_(start),
      passed_over_(start.used_count) {
  const std::size_t streams_count = windowed_ ? window_streams : 1;
  position_.streams.resize(streams_count);
  position_.epoch_ended.resize(streams_count);
  const io::BlockShare share = parts.stream.blocks;
  for (std::size_t i = 0; i < streams_count; ++i) {
    TokenStream::Parts stream = parts.stream;
    stream.executor = parts.executors[i % parts.executors.size()];
    stream.blocks.count = share.count / static_cast<unsigned>(streams_count);
    stream.blocks.first = share.first + static_cast<unsigned>(i) * stream.blocks.count;
    std::unique_ptr<io::StretchOrder> order;
    if (one_per_unit_) {
      const DocumentOrder::Shape shape{parts.seed, parts.epochs_max, parts.stream.selection};
      order = std::make_unique<DocumentOrder>(parts.dataset.corpus.sources, *parts.dataset.index, shape,
                                              position_.streams[i]);
    } else {
      const FileOrder::Shape shape{parts.shuffle != Shuffle::none, parts.seed, parts.epochs_max, streams_count, i};
      order = std::make_unique<FileOrder>(selected_, shape, position_.streams[i]);
    }
    sources_.push_back({std::make_unique<TokenStream>(stream, std::move(order)), nullptr, 0});
  }
  window_end_ = position_;
  window_end_.used_count = 0;
}

void CorpusStream::start(sched::Scope& scope) {
  for (Source& source : sources_) source.tokens->start(scope);
}

void CorpusStream::stop() {
  for (Source& source : sources_) source.tokens->stop();
}

const TokenPart* CorpusStream::take() {
  if (long_entry_) {
    if (!long_ready_) return nullptr;
    long_ready_ = false;
    if (!part_.last) return &part_;
    used(*part_.item);
    long_document_.reset();
    given_entry_ = std::exchange(long_entry_, std::nullopt);
    return &part_;
  }
  if (window_used_ < window_.size()) return part_of(window_[window_used_++]);
  if (windowed_) return nullptr;
  Source& source = sources_.front();
  if (!source.chunk || source.index == source.chunk->items.size()) return nullptr;
  return part_of({source.chunk, source.index++});
}

const TokenPart* CorpusStream::part_of(const Entry& entry) {
  const TokenItem& item = entry.chunk->items[entry.index];
  part_.item = &item;
  part_.last = true;
  if (item.document.kind == Kind::lengthy) {
    long_entry_ = entry;
    return nullptr;
  }
  part_.restart = {};
  part_.ids = ids_of(*entry.chunk, entry.index);
  part_.text_bytes = item.text_bytes;
  used(item);
  return &part_;
}

/// Moves the position behind `item`, the last that was given out.
void CorpusStream::used(const TokenItem& item) {
  if (item.document.kind == Kind::whole || item.document.kind == Kind::lengthy) ++position_.documents_count;
  if (windowed_) {
    ++position_.used_count;
    if (window_used_ < window_.size()) return;
    const std::uint64_t documents_count = position_.documents_count;
    position_ = window_end_;
    position_.documents_count = documents_count;
  } else {
    if (item.document.kind == Kind::epoch_end) ++position_.epoch;
    position_.streams.front() = position_after(item.document, one_per_unit_);
  }
}

sched::task<bool> CorpusStream::fetch() {
  if (long_entry_) {
    const bool more = co_await fetch_long_piece();
    co_return more;
  }
  if (windowed_) {
    const bool filled = co_await fill_window();
    co_return filled;
  }
  const bool more = co_await advance(sources_.front());
  co_return more;
}

/// Sees to it that the stream's next item is there; false at its end.
sched::task<bool> CorpusStream::advance(Source& source) {
  while (!source.chunk || source.index == source.chunk->items.size()) {
    std::optional<TokenChunk> chunk = co_await source.tokens->next();
    if (!chunk) co_return false;
    source.chunk = std::make_shared<const TokenChunk>(std::move(*chunk));
    source.index = 0;
  }
  co_return true;
}

/// Draws a document from each stream in turn until the window is full or the epoch has ended, and shuffles them.
sched::task<bool> CorpusStream::fill_window() {
  window_.clear();
  window_used_ = 0;
  CorpusPosition& end = window_end_;
  std::optional<Entry> epoch_end;
  std::size_t ids_count = 0;
  bool open = true;
  while (open) {
    bool all_ended = true;
    for (std::size_t i = 0; i < sources_.size() && open; ++i) {
      if (end.epoch_ended[i]) continue;
      Source& source = sources_[i];
      const bool more = co_await advance(source);
      if (!more) co_return false;
      Entry entry{source.chunk, source.index++};
      const io::RawDocument& document = entry.chunk->items[entry.index].document;
      end.streams[i] = position_after(document, false);
      if (document.kind == Kind::epoch_end) {
        end.epoch_ended[i] = true;
        epoch_end = std::move(entry);
        continue;
      }
      all_ended = false;
      ids_count += ids_of(*entry.chunk, entry.index).size();
      window_.push_back(std::move(entry));
      open = window_.size() < window_documents_max && ids_count < window_ids_max;
    }
    if (all_ended) break;
  }
  const io::Permutation permutation(window_.size(), seed_ + 0x9E3779B97F4A7C15u, end.windows_count++);
  std::vector<Entry> shuffled(window_.size());
  for (std::size_t i = 0; i < window_.size(); ++i) shuffled[i] = window_[permutation(i)];
  window_ = std::move(shuffled);
  const bool ended = std::all_of(end.epoch_ended.begin(), end.epoch_ended.end(), [](bool ended_) { return ended_; });
  if (ended) {
    window_.push_back(std::move(*epoch_end));
    std::fill(end.epoch_ended.begin(), end.epoch_ended.end(), false);
    ++end.epoch;
  }
  window_used_ = std::min<std::size_t>(std::exchange(passed_over_, 0), window_.size());
  position_.used_count = window_used_;
  co_return true;
}

/// Ids of a document of tokens, less one end-of-text token at its end.
void CorpusStream::take_long_ids(const io::TokenFile& file, const std::string& bytes, std::uint64_t end_token) {
  if (bytes.empty()) return;
  io::append_ids(file, std::as_bytes(std::span(bytes)), long_ids_);
  long_tokens_ += long_ids_.size();
  if (long_tokens_ == end_token && long_ids_.back() == tokenizer_.end_of_text()) long_ids_.pop_back();
  part_.text_bytes = 0;
  for (const io::TokenId id : long_ids_) part_.text_bytes += tokenizer_.bytes_of(id).size();
}

/// Reads on in a document that is not held in memory.
sched::task<bool> CorpusStream::fetch_long_piece() {
  const TokenItem& item = long_entry_->chunk->items[long_entry_->index];
  if (!long_document_) {
    long_document_.emplace(files_, item.document, text_key_);
    long_encoder_ = tokenizer_.encoder();
    long_restart_ = long_given_ = std::exchange(inside_, {});
    long_document_->skip(long_given_.offset_bytes);
    long_tokens_ = item.document.begin_bytes;
    if (item.document.source->tokens) long_tokens_ += long_given_.tokens;
  }
  std::string text;
  const bool more = co_await long_document_->next(text);
  long_ids_.clear();
  part_.text_bytes = text.size();
  const std::shared_ptr<const io::TokenFile>& tokens = item.document.source->tokens;
  if (tokens) {
    take_long_ids(*tokens, text, item.document.end_bytes);
  } else if (more) {
    long_encoder_->encode(text, long_ids_);
  } else {
    long_encoder_->finish(long_ids_);
  }
  part_.item = &item;
  part_.ids = long_ids_;
  part_.last = !more;
  part_.restart = long_restart_;
  long_given_.offset_bytes += text.size();
  long_given_.tokens += long_ids_.size();
  long_given_.text_bytes += part_.text_bytes;
  const std::optional<std::size_t> held = tokens ? 0 : long_encoder_->held_bytes();
  if (held) {
    long_restart_ = long_given_;
    long_restart_.offset_bytes -= *held;
    long_restart_.text_bytes -= *held;
  }
  long_ready_ = true;
  co_return true;
}

}  // namespace pipeline
