#include "pipeline/window_packer.hpp"

#include <cassert>
#include <utility>

#include "compute/documents.hpp"

namespace pipeline {

WindowPacker::WindowPacker(const PackerShape& shape, std::size_t context, const io::Tokenizer& tokenizer)
    : shape_(shape), context_(context), tokenizer_(tokenizer), end_of_text_(tokenizer.end_of_text()) {
  assert(shape.seq_len > 0 && shape.micro_batch_rows > 0 && context < shape.seq_len);
}

void WindowPacker::add(std::span<const io::TokenId> ids) {
  for (const io::TokenId id : ids) {
    if (full()) return;
    add_target(id);
  }
}

/// `window_` becomes what the row begins with: the context and the token before its first new target.
void WindowPacker::begin_row() {
  const bool first = window_.empty();
  if (first) window_.push_back(end_of_text_);
  const std::size_t kept = first ? 1 : context_ + 1;
  window_.erase(window_.begin(), window_.end() - static_cast<std::ptrdiff_t>(kept));
  if (!open_) {
    open_.emplace(++number_, 0);
    open_->seq_len = shape_.seq_len;
    open_->context = first ? 0 : context_;
    open_->ids.reserve(shape_.micro_batch_rows * (shape_.seq_len + 1));
  }
  ++open_->rows_count;
}

void WindowPacker::add_target(io::TokenId id) {
  if (!open_ || window_.size() == shape_.seq_len + 1) begin_row();
  window_.push_back(id);
  ++targets_count_;
  if (id != end_of_text_) open_->text_bytes += tokenizer_.bytes_of(id).size();
  if (window_.size() < shape_.seq_len + 1) return;
  open_->ids.insert(open_->ids.end(), window_.begin(), window_.end());
  // The first row has no context, and is by itself where the others have.
  if (open_->rows_count == shape_.micro_batch_rows || open_->context != context_) release();
}

void WindowPacker::finish() {
  if (!open_) return;
  if (open_->ids.size() < open_->rows_count * (shape_.seq_len + 1))
    open_->ids.insert(open_->ids.end(), window_.begin(), window_.end());
  release();
}

void WindowPacker::release() {
  MicroBatch& batch = *open_;
  const std::size_t row_ids = shape_.seq_len + 1;
  const std::size_t padding = batch.rows_count * row_ids - batch.ids.size();
  batch.targets_count = batch.rows_count * shape_.seq_len - padding;
  batch.ids.resize(batch.rows_count * row_ids, end_of_text_);
  if (shape_.document_mask) {
    batch.document_first.resize(batch.rows_count * shape_.seq_len);
    compute::document_firsts(batch.document_first, batch.ids, batch.rows_count, shape_.seq_len, end_of_text_);
  }
  ready_.push_back(std::move(batch));
  open_.reset();
}

std::optional<MicroBatch> WindowPacker::take() {
  if (ready_.empty()) return std::nullopt;
  std::optional<MicroBatch> batch(std::move(ready_.front()));
  ready_.pop_front();
  return batch;
}

}  // namespace pipeline
