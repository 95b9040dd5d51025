#include "io/document_reader.hpp"

#include "sched/trace.hpp"

#include <utility>

namespace io {

DocumentReader::DocumentReader(Files& files, asio::any_io_executor executor, StretchOrder& order, BlockShare share,
                               DocumentOptions options)
    : ahead_(files, std::move(executor), order, share, options.blocks_meter),
      splitter_(options),
      tokens_(files, options) {}

sched::task<std::optional<Slab>> DocumentReader::next() {
  for (;;) {
    if (!filled_) {
      filled_ = co_await ahead_.next();
      if (!filled_) co_return std::nullopt;
      compressed_ = std::as_bytes(std::span(filled_->extents.front().bytes));
    }
    std::optional<Slab> slab(std::in_place);
    const Extent& extent = filled_->extents.front();
    const bool is_compressed =
        extent.stretch.source != nullptr && extent.stretch.source->compression != Compression::none;
    if (is_compressed) {
      inflate(extent, *slab);
    } else {
      for (const Extent& one : filled_->extents) {
        const bool is_tokens = one.stretch.source != nullptr && one.stretch.source->format == Format::tokens;
        if (is_tokens) {
          co_await take_tokens(one, *slab);
        } else {
          split(one, *slab);
        }
      }
      slab->lane = filled_->lane;
      filled_.reset();
    }
    if (!slab->documents.empty()) co_return slab;
    give_back(std::move(*slab));
  }
}

void DocumentReader::give_back(Slab slab) {
  if (slab.lane) ahead_.give_back(*slab.lane);
  if (slab.buffer) buffers_.try_send(slab.buffer);
}

void DocumentReader::split(const Extent& extent, Slab& slab) {
  if (extent.stretch.source == nullptr) {
    RawDocument& mark = slab.documents.emplace_back();
    mark.kind = RawDocument::Kind::epoch_end;
    mark.unit = extent.stretch.unit;
    return;
  }
  const bool readable = begin_stretch(extent, slab);
  RestartPoint restart;
  restart.compressed_bytes = restart.decompressed_bytes = extent.offset_bytes;
  if (readable) splitter_.feed(extent.bytes, extent.last, restart, slab);
  inside_stretch_ = !extent.last;
}

sched::task<void> DocumentReader::take_tokens(const Extent& extent, Slab& slab) {
  if (!inside_stretch_) tokens_.begin(extent.stretch);
  inside_stretch_ = !extent.last;
  if (extent.failure.empty()) {
    co_await tokens_.feed(extent.bytes, extent.last, slab);
  } else {
    tokens_.fail(extent.failure, slab);
  }
}

/// Where `extent` is the first of its stretch, begins with that. False where it could not be read.
bool DocumentReader::begin_stretch(const Extent& extent, Slab& slab) {
  if (!inside_stretch_) {
    splitter_.begin(extent.stretch);
    inflater_.reset();
  }
  inside_stretch_ = true;
  if (extent.failure.empty()) return true;
  splitter_.fail(extent.failure, extent.offset_bytes, slab);
  return false;
}

/// Decompresses a buffer full of what the block holds. Drops the block when nothing more is in it.
void DocumentReader::inflate(const Extent& extent, Slab& slab) {
  const Stretch& stretch = extent.stretch;
  const bool readable = begin_stretch(extent, slab);
  bool drained = !readable || splitter_.is_over();
  if (!drained) {
    try {
      if (!inflater_) {
        inflated_bytes_ = stretch.content_bytes;
        RestartPoint begin;
        begin.compressed_bytes = stretch.begin_bytes;
        begin.decompressed_bytes = stretch.content_bytes;
        inflater_ = make_inflater(stretch.source->compression, begin);
      }
      const RestartPoint restart = inflater_->restart_point();
      slab.buffer = take_buffer();
      const std::span<std::byte> buffer(reinterpret_cast<std::byte*>(slab.buffer.get()), buffer_bytes);
      std::size_t produced = 0;
      std::string failure;
      try {
        const sched::TraceSpan span("inflate");
        while (produced < buffer.size()) {
          const Inflater::Step step = inflater_->inflate(compressed_, buffer.subspan(produced));
          compressed_ = compressed_.subspan(step.consumed_bytes);
          produced += step.produced_bytes;
          drained = step.consumed_bytes == 0 && step.produced_bytes == 0;
          if (drained) break;
        }
        if (drained && extent.last && stretch.reaches_the_end()) inflater_->finish();
      } catch (const InflateError& error) {
        failure = error.what();
      }
      const bool last = failure.empty() && drained && extent.last;
      splitter_.feed({slab.buffer.get(), produced}, last, restart, slab);
      inflated_bytes_ += produced;
      if (!failure.empty()) {
        splitter_.fail(failure, inflated_bytes_, slab);
        drained = true;
      }
    } catch (const InflateError& error) {
      splitter_.fail(error.what(), inflated_bytes_, slab);
      drained = true;
    }
  }
  if (!drained) return;
  inside_stretch_ = !extent.last;
  ahead_.give_back(filled_->lane);
  filled_.reset();
}

std::unique_ptr<char[]> DocumentReader::take_buffer() {
  std::optional<std::unique_ptr<char[]>> buffer;
  buffers_.try_receive(buffer);
  if (buffer) return std::move(*buffer);
  return std::make_unique_for_overwrite<char[]>(buffer_bytes + block_padding_bytes);
}

}  // namespace io
