#include "pipeline/order.hpp"

#include <algorithm>
#include <utility>

namespace pipeline {
namespace {

constexpr std::size_t look_ups_at_once = 256;

io::Stretch epoch_mark(std::uint64_t unit) noexcept {
  io::Stretch mark;
  mark.unit = unit;
  return mark;
}

}  // namespace

const char* shuffle_name(Shuffle shuffle) noexcept {
  switch (shuffle) {
    case Shuffle::none:
      return "none";
    case Shuffle::window:
      return "window";
    case Shuffle::global:
      return "global";
    case Shuffle::automatic:
      break;
  }
  return "auto";
}

StreamPosition position_after(const io::RawDocument& document, bool one_per_unit) noexcept {
  StreamPosition position;
  if (one_per_unit || document.ends_unit || document.kind == io::RawDocument::Kind::epoch_end) {
    position.unit = document.unit + 1;
    return position;
  }
  position.unit = document.unit;
  position.wanted_bytes = document.end_bytes;
  position.restart = document.restart;
  return position;
}

bool Selection::takes_file(const io::Source& source) const noexcept {
  if (side == Side::all || source.format != io::Format::text) return true;
  return (io::origin_fraction(source.origin) < fraction) == (side == Side::validation);
}

bool Selection::takes_record(const io::Source& source, std::uint64_t offset_bytes) const noexcept {
  if (side == Side::all || source.format == io::Format::text) return true;
  return (io::record_fraction(source.origin, offset_bytes) < fraction) == (side == Side::validation);
}

std::vector<const io::Source*> select_files(const std::vector<io::Source>& sources, const Selection& selection) {
  std::vector<const io::Source*> files;
  for (const io::Source& source : sources)
    if (selection.takes_file(source)) files.push_back(&source);
  return files;
}

FileOrder::FileOrder(const std::vector<const io::Source*>& files, const Shape& shape, const StreamPosition& start)
    : files_(files),
      shape_(shape),
      files_per_epoch_((files.size() + shape.streams_count - 1 - shape.stream) / shape.streams_count),
      start_(start),
      unit_(start.unit) {}

sched::task<bool> FileOrder::next(io::Stretch& stretch) {
  const std::uint64_t units_per_epoch = files_per_epoch_ + 1;
  const std::uint64_t epoch = unit_ / units_per_epoch;
  const std::uint64_t place = unit_ % units_per_epoch;
  if (shape_.epochs_max != 0 && epoch >= shape_.epochs_max) co_return false;
  if (place == files_per_epoch_) {
    stretch = epoch_mark(unit_++);
    co_return true;
  }
  std::uint64_t number = place * shape_.streams_count + shape_.stream;
  if (shape_.shuffled) {
    if (!permutation_ || permutation_epoch_ != epoch) permutation_.emplace(files_.size(), shape_.seed, epoch);
    permutation_epoch_ = epoch;
    number = (*permutation_)(number);
  }
  stretch = io::whole_file(*files_[number], unit_);
  if (unit_ == start_.unit) {
    stretch.wanted_bytes = start_.wanted_bytes;
    stretch.restart = start_.restart;
    if (stretch.source->tokens) {
      stretch.begin_bytes += start_.restart.decompressed_bytes * stretch.source->tokens->token_bytes;
    } else if (stretch.source->compression == io::Compression::none) {
      stretch.begin_bytes = stretch.content_bytes = std::min(start_.wanted_bytes, stretch.end_bytes);
    } else {
      stretch.begin_bytes = start_.restart.compressed_bytes;
      stretch.content_bytes = start_.restart.decompressed_bytes;
    }
  }
  ++unit_;
  co_return true;
}

DocumentOrder::DocumentOrder(const std::vector<io::Source>& sources, io::DocumentIndex& index, const Shape& shape,
                             const StreamPosition& start)
    : sources_(sources), index_(index), shape_(shape), unit_(start.unit) {}

sched::task<bool> DocumentOrder::next(io::Stretch& stretch) {
  while (ahead_.empty()) {
    const std::uint64_t epoch = unit_ / (index_.documents_count() + 1);
    if (shape_.epochs_max != 0 && epoch >= shape_.epochs_max) co_return false;
    co_await look_up();
  }
  stretch = ahead_.front();
  ahead_.pop_front();
  co_return true;
}

/// Finds where the next documents lie; those of the other side are left out.
sched::task<void> DocumentOrder::look_up() {
  const std::uint64_t documents_count = index_.documents_count();
  const std::uint64_t epoch = unit_ / (documents_count + 1);
  const std::uint64_t place = unit_ % (documents_count + 1);
  if (place == documents_count) {
    ahead_.push_back(epoch_mark(unit_++));
    co_return;
  }
  const io::Permutation permutation(documents_count, shape_.seed, epoch);
  std::vector<std::uint64_t> numbers;
  const std::uint64_t end = std::min<std::uint64_t>(documents_count, place + look_ups_at_once);
  for (std::uint64_t i = place; i < end; ++i) numbers.push_back(permutation(i));
  std::vector<io::DocumentIndex::Location> found;
  co_await index_.locate(numbers, found);
  for (const io::DocumentIndex::Location& location : found) {
    const io::Source& source = sources_[location.file];
    io::Stretch stretch = io::whole_file(source, unit_++);
    stretch.is_single = source.format != io::Format::text;
    if (source.tokens) {
      stretch.end_bytes = stretch.begin_bytes + location.end_bytes * source.tokens->token_bytes;
      stretch.begin_bytes += location.begin_bytes * source.tokens->token_bytes;
      stretch.wanted_bytes = location.begin_bytes;
    } else if (stretch.is_single) {
      stretch.begin_bytes = stretch.content_bytes = location.begin_bytes;
      stretch.end_bytes = location.end_bytes;
    }
    if (shape_.selection.takes_file(source) && shape_.selection.takes_record(source, location.begin_bytes))
      ahead_.push_back(stretch);
  }
}

}  // namespace pipeline
