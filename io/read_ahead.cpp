#include "io/read_ahead.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/error.hpp"

namespace io {
namespace {

constexpr std::size_t alignment_bytes = 4096;        // of everything that bypasses the page cache
constexpr std::size_t small_files_max = 64;          // in one block
constexpr std::uint64_t direct_bytes_min = 1 << 20;  // below, opening twice costs more than it saves
constexpr std::size_t kept_open_max = 64;            // files of many records, read here and there
constexpr int tries_max = 4;

std::size_t padded(std::size_t bytes) noexcept {
  return (bytes + block_padding_bytes + 63) / 64 * 64;
}

/// Errors that may have passed when the call is made again.
bool may_pass(int error_number) noexcept {
  switch (error_number) {
    case EIO:
    case EAGAIN:
    case ENOMEM:
    case ENFILE:
    case EMFILE:
    case ETIMEDOUT:
    case ESTALE:
      return true;
    default:
      return false;
  }
}

std::string why(int error_number) {
  return std::strerror(error_number);
}

std::string changed_size(std::uint64_t was_bytes) {
  return fmt::format("the file is not as long as when the run began ({} bytes)", was_bytes);
}

}  // namespace

/// A file that does not fit a block, open while its parts are read by several lanes.
struct ReadAhead::OpenLarge {
  explicit OpenLarge(const Stretch& stretch_) : stretch(stretch_), next_bytes(stretch_.begin_bytes) {}

  Stretch stretch;
  std::shared_ptr<OpenFile> file;
  std::uint64_t next_bytes;  // what nobody has taken yet
  std::string failure;
};

/// One block, and what is read into it now.
struct ReadAhead::Lane {
  Block block;
  std::size_t number = 0;
  sched::Channel<bool> free{1};
  sched::Channel<Filled> filled{1};
  Filled filling;
  std::vector<WholeRead> wholes;                 // of small files and records, in the order of the extents
  std::vector<std::shared_ptr<OpenFile>> files;  // of the records
  std::shared_ptr<OpenLarge> large;
  std::uint64_t begin_bytes = 0;  // of the part of a large file
  std::uint64_t end_bytes = 0;
};

ReadAhead::ReadAhead(Files& files, asio::any_io_executor executor, StretchOrder& order, BlockShare blocks)
    : files_(files), executor_(std::move(executor)), order_(order), tickets_(blocks.count + 1) {
  assert(blocks.count > 0 && blocks.first + blocks.count <= files.blocks_count());
  assert(files.block_bytes() >= 2 * alignment_bytes);
  for (unsigned i = 0; i < blocks.count; ++i) {
    Lane& lane = *lanes_.emplace_back(std::make_unique<Lane>());
    lane.block = files.block(blocks.first + i);
    lane.number = i;
    bool free = true;
    lane.free.try_send(free);
  }
}

ReadAhead::~ReadAhead() = default;

void ReadAhead::start(sched::Scope& scope) {
  for (auto& lane : lanes_) scope.spawn(executor_, read_lane(*lane));
}

void ReadAhead::stop() {
  stopped_ = true;
  for (auto& lane : lanes_) lane->free.finish();
}

void ReadAhead::give_back(std::size_t lane) {
  bool free = true;
  lanes_[lane]->free.try_send(free);
}

sched::task<std::optional<ReadAhead::Filled>> ReadAhead::next() {
  const std::optional<std::size_t> lane = co_await tickets_.receive();
  if (!lane) co_return std::nullopt;
  std::optional<Filled> filled = co_await lanes_[*lane]->filled.receive();
  co_return filled;
}

sched::task<void> ReadAhead::read_lane(Lane& lane) {
  for (;;) {
    const std::optional<bool> free = co_await lane.free.receive();
    if (!free) break;
    {
      const sched::Turn::Lease turn = co_await taking_.take();
      if (stopped_) break;
      co_await take(lane);
      if (lane.filling.extents.empty()) break;
      std::size_t number = lane.number;
      tickets_.try_send(number);
    }
    if (lane.large) {
      co_await read_large(lane);
    } else {
      co_await read_small(lane);
    }
    lane.filled.try_send(lane.filling);
  }
  tickets_.finish();
}

/// Fills `ahead_` where it is empty; false at the end of the order.
sched::task<bool> ReadAhead::peek() {
  if (ahead_) co_return true;
  if (ended_) co_return false;
  Stretch stretch;
  const bool more = co_await order_.next(stretch);
  if (more) ahead_ = stretch;
  ended_ = !more;
  co_return more;
}

sched::task<void> ReadAhead::take(Lane& lane) {
  lane.filling = {};
  lane.filling.lane = lane.number;
  lane.wholes.clear();
  lane.files.clear();
  lane.large.reset();
  if (large_) {
    co_await take_large(lane);
  } else {
    co_await take_small(lane);
  }
}

/// As many small files and records as the block holds and as follow each other; or the first part of a large one.
sched::task<void> ReadAhead::take_small(Lane& lane) {
  std::size_t used_bytes = 0;
  while (lane.filling.extents.size() < small_files_max) {
    const bool more = co_await peek();
    if (!more) co_return;
    const Stretch stretch = *ahead_;
    const bool added = co_await add_small(lane, used_bytes);
    if (!added) {
      if (!lane.filling.extents.empty()) co_return;
      large_ = std::make_shared<OpenLarge>(stretch);
      ahead_.reset();
      co_await open_large(*large_, lane.block);
      co_await take_large(lane);
      co_return;
    }
    ahead_.reset();
  }
}

/// Makes room in the block for what is ahead; false where that is large, or there is no more room.
sched::task<bool> ReadAhead::add_small(Lane& lane, std::size_t& used_bytes) {
  Extent extent;
  extent.stretch = *ahead_;
  extent.last = true;
  if (extent.stretch.source != nullptr) {
    const Stretch& stretch = extent.stretch;
    const Source& source = *stretch.source;
    const bool is_file =
        stretch.is_whole_file() && source.compression == Compression::none && source.format != Format::tokens;
    if (!is_file && !stretch.is_single) co_return false;
    // Of a file one byte more than it should have: that it has grown is noticed.
    const std::uint64_t length = stretch.end_bytes - stretch.begin_bytes + (stretch.is_single ? 0 : 1);
    const std::uint64_t room = files_.block_bytes() - used_bytes;
    if (length == 0 || length > room || padded(length) > room) co_return false;
    WholeRead read;
    read.memory = lane.block.bytes.subspan(used_bytes, length);
    read.block_index = lane.block.index;
    if (stretch.is_single) {
      OpenLarge record(stretch);
      co_await open_large(record, lane.block);
      extent.failure = record.failure;
      extent.offset_bytes = read.offset_bytes = stretch.begin_bytes;
      if (record.failure.empty()) {
        read.descriptor = record.file->descriptor();
        lane.files.push_back(record.file);
      }
    } else {
      read.path = source.path.c_str();
    }
    if (extent.failure.empty()) {
      used_bytes += padded(length);
      lane.wholes.push_back(read);
    }
  }
  lane.filling.extents.push_back(std::move(extent));
  co_return true;
}

sched::task<void> ReadAhead::take_large(Lane& lane) {
  OpenLarge& large = *large_;
  // Parts end at multiples of their size, so that all but the first begin where the disk can be read directly.
  const std::uint64_t part_bytes = (files_.block_bytes() - block_padding_bytes) / alignment_bytes * alignment_bytes;
  lane.large = large_;
  lane.begin_bytes = large.next_bytes;
  lane.end_bytes = std::min(large.stretch.end_bytes, (large.next_bytes / part_bytes + 1) * part_bytes);
  large.next_bytes = lane.end_bytes;
  Extent extent;
  extent.stretch = large.stretch;
  extent.offset_bytes = lane.begin_bytes;
  extent.last = lane.end_bytes == large.stretch.end_bytes || !large.failure.empty();
  if (extent.last) large_.reset();
  lane.filling.extents.push_back(std::move(extent));
  co_return;
}

sched::task<void> ReadAhead::open_large(OpenLarge& large, Block probe) {
  const bool is_record = large.stretch.is_single;
  if (is_record) {
    large.file = recently_opened(large.stretch.source);
    if (large.file) co_return;
  }
  for (int tries = 1;; ++tries) {
    int error_number = 0;
    try {
      co_await try_to_open(large, probe);
      if (is_record && large.failure.empty()) keep_open(large.stretch.source, large.file);
      co_return;
    } catch (const FileError& error) {
      error_number = error.error_number();
    }
    if (may_pass(error_number) && tries < tries_max) continue;
    large.failure = why(error_number);
    co_return;
  }
}

sched::task<void> ReadAhead::try_to_open(OpenLarge& large, Block probe) {
  const Source& source = *large.stretch.source;
  // O_NONBLOCK: a pipe that has taken the file's place must not be waited for.
  OpenFile file = co_await files_.open(source.path, O_RDONLY | O_NONBLOCK, 0);
  large.file = std::make_shared<OpenFile>(std::move(file));
  const FileStatus status = co_await files_.status(*large.file);
  if (status.size_bytes != source.size_bytes) {
    large.failure = changed_size(source.size_bytes);
    co_return;
  }
  if (large.stretch.end_bytes - large.stretch.begin_bytes < direct_bytes_min) co_return;
  // What the page cache holds is fastest from there. A cold file is read past it, for a tenth of the processor's time.
  const std::uint64_t aligned_bytes = large.stretch.begin_bytes / alignment_bytes * alignment_bytes;
  const std::optional<std::size_t> cached =
      co_await files_.read_cached(*large.file, aligned_bytes, probe, alignment_bytes);
  if (cached) co_return;
  try {
    OpenFile direct = co_await files_.open(source.path, O_RDONLY | O_NONBLOCK | O_DIRECT, 0);
    std::swap(*large.file, direct);
    co_await files_.close(std::move(direct));
  } catch (const FileError&) {
    // Not every file system can. The file is open as it is.
  }
}

std::shared_ptr<OpenFile> ReadAhead::recently_opened(const Source* source) {
  const auto found = std::find_if(kept_open_.begin(), kept_open_.end(),
                                  [source](const KeptOpen& kept) { return kept.source == source; });
  if (found == kept_open_.end()) return nullptr;
  std::rotate(found, found + 1, kept_open_.end());
  return kept_open_.back().file;
}

void ReadAhead::keep_open(const Source* source, std::shared_ptr<OpenFile> file) {
  if (kept_open_.size() == kept_open_max) kept_open_.erase(kept_open_.begin());
  kept_open_.push_back({source, std::move(file)});
}

sched::task<void> ReadAhead::read_small(Lane& lane) {
  std::span<WholeRead> reads = lane.wholes;
  if (!reads.empty()) co_await files_.read_whole(reads);
  std::size_t at = 0;
  for (Extent& extent : lane.filling.extents) {
    if (extent.stretch.source == nullptr || !extent.failure.empty()) continue;
    WholeRead& read = lane.wholes[at++];
    for (int tries = 1; read.result < 0 && may_pass(-read.result) && tries < tries_max; ++tries) {
      std::span<WholeRead> again(&read, 1);
      co_await files_.read_whole(again);
    }
    if (read.result < 0) {
      extent.failure = why(-read.result);
    } else if (static_cast<std::uint64_t>(read.result) != extent.stretch.end_bytes - extent.stretch.begin_bytes) {
      extent.failure = changed_size(extent.stretch.source->size_bytes);
    } else {
      extent.bytes = {reinterpret_cast<const char*>(read.memory.data()), static_cast<std::size_t>(read.result)};
    }
  }
}

sched::task<void> ReadAhead::read_large(Lane& lane) {
  Extent& extent = lane.filling.extents.front();
  const std::shared_ptr<OpenLarge> large = std::move(lane.large);
  const std::uint64_t aligned_bytes = lane.begin_bytes / alignment_bytes * alignment_bytes;
  const std::size_t before = lane.begin_bytes - aligned_bytes;
  const std::size_t wanted = lane.end_bytes - aligned_bytes;
  for (int tries = 1; large->failure.empty(); ++tries) {
    int error_number = 0;
    try {
      const std::size_t got = co_await fill(*large->file, aligned_bytes, lane.block, wanted);
      if (got != wanted) large->failure = changed_size(large->stretch.source->size_bytes);
      extent.bytes = {reinterpret_cast<const char*>(lane.block.bytes.data()) + before, wanted - before};
      break;
    } catch (const FileError& error) {
      error_number = error.error_number();
    }
    if (may_pass(error_number) && tries < tries_max) continue;
    large->failure = why(error_number);
  }
  if (!large->failure.empty()) {
    extent.failure = large->failure;
    extent.bytes = {};
  }
  // Whoever reads the last part closes the file.
  if (large.use_count() > 1 || !large->file || large->file.use_count() > 1) co_return;
  OpenFile file = std::move(*large->file);
  try {
    co_await files_.close(std::move(file));
  } catch (const FileError&) {
    // It was only read from, and all of it is here.
  }
}

sched::task<std::size_t> ReadAhead::fill(const OpenFile& file, std::uint64_t offset_bytes, Block block,
                                         std::size_t wanted) {
  std::size_t filled = 0;
  while (filled < wanted) {
    Block rest{block.bytes.subspan(filled), block.index};
    const std::size_t bytes_max = (wanted - filled + alignment_bytes - 1) / alignment_bytes * alignment_bytes;
    const std::size_t got = co_await files_.read(file, offset_bytes + filled, rest, bytes_max);
    if (got == 0) break;
    filled += got;
  }
  co_return std::min(filled, wanted);
}

}  // namespace io
