#include "io/read_ahead.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "io/error.hpp"
#include "io/utf8.hpp"

namespace io {
namespace {

constexpr std::size_t blocks_per_lane = 2;        // one is read while the other is tokenized
constexpr std::size_t binary_probe_bytes = 8192;  // as git does: a NUL byte near the beginning is not text

bool looks_binary(std::string_view beginning) noexcept {
  return std::memchr(beginning.data(), 0, std::min(beginning.size(), binary_probe_bytes)) != nullptr;
}

/// Formats that this version knows by name but does not read yet; trained on as plain text they would be noise.
const char* unread_format(const std::string& path) noexcept {
  static constexpr const char* endings[] = {".jsonl", ".ndjson", ".gz", ".zst", ".parquet", ".bin", ".idx"};
  for (const char* ending : endings)
    if (path.ends_with(ending)) return ending;
  return nullptr;
}

}  // namespace

/// One file in flight: its documents are those at every lanes_count-th position of the order.
struct ReadAhead::Lane {
  sched::Channel<Block> free{blocks_per_lane};
  sched::Channel<Piece> filled{blocks_per_lane};  // every piece holds a block: sending never waits
};

ReadAhead::ReadAhead(Files& files, Order order, unsigned first_block, unsigned blocks_count)
    : files_(files), order_(std::move(order)) {
  assert(blocks_count >= blocks_per_lane && first_block + blocks_count <= files.blocks_count());
  for (unsigned at = 0; at + blocks_per_lane <= blocks_count; at += blocks_per_lane) {
    Lane& lane = *lanes_.emplace_back(std::make_unique<Lane>());
    for (unsigned i = 0; i < blocks_per_lane; ++i) {
      Block block = files.block(first_block + at + i);
      lane.free.try_send(block);
    }
  }
}

ReadAhead::~ReadAhead() = default;

void ReadAhead::start(sched::Scope& scope) {
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane)
    scope.spawn(files_.executor(), read_lane(*lanes_[lane], lane));
}

void ReadAhead::stop() {
  for (auto& lane : lanes_) lane->free.finish();
}

sched::task<std::optional<Piece>> ReadAhead::next() {
  if (lent_) lender_->free.try_send(*lent_);
  lent_.reset();
  lender_ = lanes_[position_ % lanes_.size()].get();
  std::optional<Piece> piece = co_await lender_->filled.receive();
  if (!piece) co_return piece;
  lent_ = piece->block();
  if (piece->last()) ++position_;
  co_return piece;
}

sched::task<void> ReadAhead::read_lane(Lane& lane, std::size_t first_position) {
  for (std::uint64_t position = first_position;; position += lanes_.size()) {
    const Source* const source = order_(position);
    if (source == nullptr) break;
    std::optional<Block> block = co_await lane.free.receive();
    if (!block) co_return;  // stopped
    std::optional<Skip> skip;
    try {
      skip = co_await read_document(lane, *block, *source);
    } catch (const FileError& error) {
      skip = Skip{error.path(), error.offset_bytes(), std::strerror(error.error_number())};
    }
    if (skip) send(lane, Piece(source, *block, std::move(*skip)));
  }
  lane.filled.finish();
}

sched::task<std::optional<Skip>> ReadAhead::read_document(Lane& lane, Block& block, const Source& source) {
  if (const char* const ending = unread_format(source.path))
    co_return Skip{source.path, 0, std::string(ending) + " files are not read yet"};
  OpenFile file = co_await files_.open(source.path, O_RDONLY, 0);
  const FileStatus status = co_await files_.status(file);
  std::optional<Skip> skip = co_await examine(file, block, source, status.size_bytes);
  if (!skip && status.size_bytes <= block.bytes.size()) {
    send(lane, Piece(&source, block, status.size_bytes, true));
  } else if (!skip) {
    // Nothing of a document that turns out to be damaged may be packed, so a long one is read a second time.
    for (std::uint64_t offset_bytes = 0; offset_bytes < status.size_bytes;) {
      const std::size_t got = co_await fill(file, offset_bytes, block, status.size_bytes);
      if (got == 0) {
        skip = Skip{source.path, offset_bytes, "the file became shorter while it was read"};
        break;
      }
      offset_bytes += got;
      const bool last = offset_bytes >= status.size_bytes;
      send(lane, Piece(&source, block, got, last));
      if (last) break;
      std::optional<Block> next_block = co_await lane.free.receive();
      if (!next_block) co_return skip;  // stopped: nobody reads on, and the file closes itself
      block = *next_block;
    }
  }
  co_await files_.close(std::move(file));
  co_return skip;
}

sched::task<std::optional<Skip>> ReadAhead::examine(const OpenFile& file, Block block, const Source& source,
                                                    std::uint64_t size_bytes) {
  Utf8Validator validator;
  for (std::uint64_t offset_bytes = 0; offset_bytes < size_bytes;) {
    const std::size_t got = co_await fill(file, offset_bytes, block, size_bytes);
    if (got == 0) co_return Skip{source.path, offset_bytes, "the file became shorter while it was read"};
    const std::string_view text(reinterpret_cast<const char*>(block.bytes.data()), got);
    if (offset_bytes == 0 && looks_binary(text)) co_return Skip{source.path, 0, binary_reason};
    const bool valid = validator.feed(text);
    if (!valid) co_return Skip{source.path, validator.error_offset_bytes(), "invalid UTF-8"};
    offset_bytes += got;
  }
  const bool valid = validator.finish();
  if (!valid) co_return Skip{source.path, validator.error_offset_bytes(), "invalid UTF-8"};
  co_return std::nullopt;
}

sched::task<std::size_t> ReadAhead::fill(const OpenFile& file, std::uint64_t offset_bytes, Block block,
                                         std::uint64_t size_bytes) {
  const std::size_t wanted = std::min<std::uint64_t>(block.bytes.size(), size_bytes - offset_bytes);
  std::size_t filled = 0;
  while (filled < wanted) {
    Block rest{block.bytes.subspan(filled), block.index};
    const std::size_t got = co_await files_.read(file, offset_bytes + filled, rest, wanted - filled);
    if (got == 0) break;
    filled += got;
  }
  co_return filled;
}

void ReadAhead::send(Lane& lane, Piece piece) {
  const bool sent = lane.filled.try_send(piece);
  assert(sent && "every piece holds a block, and there is room for all blocks");
  (void)sent;
}

}  // namespace io
