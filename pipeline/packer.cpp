#include "pipeline/packer.hpp"

#include <cassert>
#include <utility>

#include "compute/documents.hpp"
#include "pipeline/batch_order.hpp"

namespace pipeline {

Packer::Packer(const PackerShape& shape, const io::Tokenizer& tokenizer)
    : shape_(shape), tokenizer_(tokenizer), end_of_text_(tokenizer.end_of_text()), previous_(end_of_text_) {
  assert(shape.seq_len > 0 && shape.micro_batch_rows > 0 && shape.step_batches_count > 0);
}

void Packer::go_on_after(std::uint64_t steps, std::uint64_t targets_count, io::TokenId previous) {
  assert(open_step_.empty() && ready_.empty());
  step_ = steps + 1;
  targets_count_ = targets_count;
  if (previous >= 0) previous_ = previous;
}

std::uint64_t Packer::step_room() const noexcept {
  const std::uint64_t batch_targets = shape_.micro_batch_rows * shape_.seq_len;
  std::uint64_t room = shape_.step_batches_count * batch_targets;
  // A complete step stays open until another token comes, but takes none.
  for (const MicroBatch& batch : open_step_) room -= batch.targets_count;
  return room;
}

void Packer::mark(IngestPosition position, std::shared_ptr<const Accounting> books) {
  mark_ = std::make_shared<const IngestPosition>(std::move(position));
  books_ = std::move(books);
}

void Packer::add(std::span<const io::TokenId> ids) {
  for (const io::TokenId id : ids) add_target(id, false);
}

void Packer::end_document(bool whole) {
  add_target(end_of_text_, whole);
}

void Packer::add_target(io::TokenId id, bool ends_document) {
  if (full() || finished_) return;
  const std::size_t row_ids = shape_.seq_len + 1;
  if (open_step_.empty() || open_step_.back().targets_count == shape_.micro_batch_rows * shape_.seq_len) {
    // Another token has come: a step that was complete was not the last.
    if (open_step_.size() == shape_.step_batches_count) release_step(false);
    MicroBatch& fresh = open_step_.emplace_back(step_, open_step_.size());
    fresh.seq_len = shape_.seq_len;
    fresh.ids.reserve(shape_.micro_batch_rows * row_ids);
  }
  MicroBatch& batch = open_step_.back();
  if (batch.ids.size() % row_ids == 0) {
    batch.ids.push_back(previous_);
    ++batch.rows_count;
  }
  batch.ids.push_back(id);
  ++batch.targets_count;
  ++targets_count_;
  previous_ = id;
  if (ends_document) ++batch.documents_count;
  if (id != end_of_text_) batch.text_bytes += tokenizer_.bytes_of(id).size();
}

void Packer::finish() {
  if (std::exchange(finished_, true) || open_step_.empty()) return;
  MicroBatch& batch = open_step_.back();
  batch.ids.resize(batch.rows_count * (shape_.seq_len + 1), end_of_text_);
  release_step(true);
}

void Packer::release_step(bool last) {
  open_step_.front().position = std::move(mark_);
  open_step_.front().books = std::move(books_);
  for_each_in_runs(open_step_.size(), shape_.runs_together,
                   [&](std::size_t index) { make_ready(open_step_[index], last); });
  open_step_.clear();
  ++step_;
}

void Packer::make_ready(MicroBatch& batch, bool last) {
  batch.step_batches_count = open_step_.size();
  batch.last_step = last;
  if (shape_.document_mask) {
    batch.document_first.resize(batch.rows_count * shape_.seq_len);
    compute::document_firsts(batch.document_first, batch.ids, batch.rows_count, shape_.seq_len, end_of_text_);
  }
  ready_.push_back(std::move(batch));
}

std::optional<MicroBatch> Packer::take() {
  if (ready_.empty()) return std::nullopt;
  std::optional<MicroBatch> batch(std::move(ready_.front()));
  ready_.pop_front();
  return batch;
}

}  // namespace pipeline
