#include "io/token_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "io/little_endian.hpp"
#include "io/megatron_index.hpp"
#include "io/shard_index.hpp"

namespace io {

std::int64_t TokenIndex::Column::take() noexcept {
  const std::byte* const at = read.data() + used_bytes;
  used_bytes += entry_bytes;
  return entry_bytes == 8 ? load_little_endian<std::int64_t>(at) : load_little_endian<std::int32_t>(at);
}

TokenIndex::Column TokenIndex::column(std::uint64_t begin, unsigned entry_bytes, std::uint64_t count,
                                      std::uint64_t first) {
  assert(first <= count);
  Column column;
  column.offset_bytes = begin + first * entry_bytes;
  column.left_bytes = (count - first) * entry_bytes;
  column.entry_bytes = entry_bytes;
  return column;
}

TokenIndex::TokenIndex(const TokenFile& file, const TokenPosition& start)
    : file_(file), position_(start), tokens_(start.token), sequences_(start.sequence) {
  assert(!file.index_path.empty());
  if (file.kind == TokenFile::Kind::icosa) {
    ends_ = column(ShardIndexHeader::size_bytes, ShardIndexHeader::entry_bytes, file.documents_count, start.document);
    return;
  }
  const std::uint64_t sequences = file.sequences_count;
  lengths_ = column(MegatronIndex::lengths_offset, 4, sequences, start.sequence);
  pointers_ = column(MegatronIndex::pointers_offset(sequences), 8, sequences, start.sequence);
  // A document ends where the next one begins: the first number of the column says nothing.
  ends_ = column(MegatronIndex::documents_offset(sequences) + 8, 8, file.documents_count, start.document);
}

TokenIndex::State TokenIndex::look() {
  if (!damage_.empty()) return State::damaged;
  if (known_) return State::known;
  if (position_.document == file_.documents_count) return State::over;
  const State state = file_.kind == TokenFile::Kind::icosa ? look_at_shard() : look_at_megatron();
  known_ = state == State::known;
  return state;
}

TokenIndex::State TokenIndex::look_at_shard() {
  if (!ends_.has_entry()) return need(ends_);
  const auto end = static_cast<std::uint64_t>(ends_.take());
  // A document has at least its end-of-text token.
  if (end <= tokens_ || end > file_.tokens_count)
    return fail(fmt::format("document {} would end at token {}, and begins at {} of {}", position_.document, end,
                            tokens_, file_.tokens_count));
  tokens_ = end;
  return State::known;
}

TokenIndex::State TokenIndex::look_at_megatron() {
  if (!sequences_end_) {
    if (!ends_.has_entry()) return need(ends_);
    const auto end = static_cast<std::uint64_t>(ends_.take());
    if (end < sequences_ || end > file_.sequences_count)
      return fail(fmt::format("document {} would end at sequence {}, and begins at {} of {}", position_.document, end,
                              sequences_, file_.sequences_count));
    sequences_end_ = end;
  }
  for (; sequences_ < *sequences_end_; ++sequences_) {
    if (!lengths_.has_entry()) return need(lengths_);
    if (!pointers_.has_entry()) return need(pointers_);
    const std::int64_t length = lengths_.take();
    const auto pointer = static_cast<std::uint64_t>(pointers_.take());
    // In order and without gaps, as every writer writes them: then a document lies in one piece.
    if (pointer != tokens_ * file_.token_bytes)
      return fail(fmt::format("sequence {} would begin at byte {}, and the one before it ends at {}", sequences_,
                              pointer, tokens_ * file_.token_bytes));
    if (length < 0 || static_cast<std::uint64_t>(length) > file_.tokens_count - tokens_)
      return fail(fmt::format("sequence {} would have {} tokens, and {} are left", sequences_, length,
                              file_.tokens_count - tokens_));
    tokens_ += static_cast<std::uint64_t>(length);
  }
  return State::known;
}

void TokenIndex::pass() {
  assert(known_);
  known_ = false;
  sequences_end_.reset();
  position_.token = tokens_;
  position_.document += 1;
  position_.sequence = sequences_;
}

TokenIndex::State TokenIndex::need(Column& column) noexcept {
  needed_ = &column;
  return State::needed;
}

TokenIndex::State TokenIndex::fail(std::string reason) {
  damage_ = file_.index_path + ": damaged: " + std::move(reason);
  return State::damaged;
}

TokenIndex::Stretch TokenIndex::wanted(std::size_t bytes_max) const {
  assert(needed_ != nullptr && bytes_max >= 8);
  const std::size_t bytes = bytes_max / needed_->entry_bytes * needed_->entry_bytes;
  return {needed_->offset_bytes, static_cast<std::size_t>(std::min<std::uint64_t>(bytes, needed_->left_bytes))};
}

void TokenIndex::add(std::span<const std::byte> bytes) {
  assert(needed_ != nullptr && bytes.size() <= needed_->left_bytes);
  Column& column = *needed_;
  if (bytes.empty()) fail(fmt::format("it ends at byte {}", column.offset_bytes));
  column.read.erase(column.read.begin(), column.read.begin() + static_cast<std::ptrdiff_t>(column.used_bytes));
  column.used_bytes = 0;
  column.read.insert(column.read.end(), bytes.begin(), bytes.end());
  column.offset_bytes += bytes.size();
  column.left_bytes -= bytes.size();
}

}  // namespace io
