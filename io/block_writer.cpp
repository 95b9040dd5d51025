#include "io/block_writer.hpp"

#include <fcntl.h>

#include <algorithm>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/async_result.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <cassert>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

#include "io/block_pool.hpp"
#include "io/error.hpp"
#include "sched/handler.hpp"
#include "sched/suspension.hpp"

namespace io {

/// What a write under way needs, whatever becomes of the writer. Touched on the writer's executor only.
struct BlockWriter::Shared {
  explicit Shared(std::size_t block_bytes) : blocks(2, block_bytes) {}

  BlockPool blocks;
  OpenFile file;
  bool writing = false;
  std::exception_ptr failure;
  sched::Handler<std::error_code> waiter;
};

struct BlockWriter::Wait {
  std::shared_ptr<Shared> shared;
  template <class Function>
  void operator()(Function&& function) const {
    auto slot = asio::get_associated_cancellation_slot(function);
    shared->waiter = sched::Handler<std::error_code>(std::forward<Function>(function));
    if (!slot.is_connected()) return;
    slot.assign([shared = shared](asio::cancellation_type) {
      if (shared->waiter) shared->waiter.complete(asio::error::operation_aborted);
    });
  }
};

BlockWriter::BlockWriter(Files& files, std::size_t block_bytes)
    : files_(files),
      block_bytes_(block_bytes),
      shared_(std::make_shared<Shared>(block_bytes)),
      hash_(XXH3_createState()),
      over_hash_(XXH3_createState()) {
  assert(block_bytes > 0 && block_bytes % 8 == 0);
  if (hash_ == nullptr || over_hash_ == nullptr) throw std::bad_alloc();
}

BlockWriter::~BlockWriter() = default;

sched::task<void> BlockWriter::open(std::string path, std::size_t front_bytes) {
  assert(!open_);
  path_ = std::move(path);
  front_bytes_ = front_bytes;
  block_begin_ = mark_ = written_end_ = hashed_end_ = front_bytes;
  filled_bytes_ = 0;
  runs_over_ = false;
  XXH3_64bits_reset(hash_.get());
  OpenFile file = co_await files_.open(path_, O_RDWR | O_CREAT | O_EXCL, 0666);
  shared_->file = std::move(file);
  open_ = true;
}

std::span<std::byte> BlockWriter::room() noexcept {
  return shared_->blocks.block(filling_).bytes.first(block_bytes_).subspan(filled_bytes_);
}

void BlockWriter::fill(std::size_t bytes) noexcept {
  filled_bytes_ += bytes;
}

/// Of the block being filled, by offsets in the file.
std::span<const std::byte> BlockWriter::filled(std::uint64_t from, std::uint64_t to) const noexcept {
  return shared_->blocks.block(filling_).bytes.subspan(static_cast<std::size_t>(from - block_begin_),
                                                       static_cast<std::size_t>(to - from));
}

void BlockWriter::mark() noexcept {
  mark_ = block_begin_ + filled_bytes_;
  // The hash catches up when the block is full; but what ran over from blocks before is in the other hash.
  if (!std::exchange(runs_over_, false)) return;
  std::swap(hash_, over_hash_);
  hashed_end_ = block_begin_;
}

void BlockWriter::hash_to_mark() noexcept {
  if (runs_over_ || hashed_end_ == mark_) return;
  const std::span<const std::byte> bytes = filled(hashed_end_, mark_);
  XXH3_64bits_update(hash_.get(), bytes.data(), bytes.size());
  hashed_end_ = mark_;
}

sched::task<void> BlockWriter::flush() {
  assert(open_ && room().empty());
  co_await start_write();
}

/// Sends the block being filled on its way, once the one before has arrived.
sched::task<void> BlockWriter::start_write() {
  co_await await_write();
  if (filled_bytes_ == 0) co_return;
  const std::uint64_t end = block_begin_ + filled_bytes_;
  hash_to_mark();
  if (mark_ < end) {
    if (!std::exchange(runs_over_, true)) XXH3_copyState(over_hash_.get(), hash_.get());
    const std::span<const std::byte> bytes = filled(std::max(mark_, block_begin_), end);
    XXH3_64bits_update(over_hash_.get(), bytes.data(), bytes.size());
  }
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  shared_->writing = true;
  auto on_end = [shared = shared_](std::exception_ptr failure) {
    shared->writing = false;
    shared->failure = failure;
    if (shared->waiter) shared->waiter.complete({});
  };
  asio::co_spawn(executor, write_block(files_, shared_, block_begin_, filled(block_begin_, end)), std::move(on_end));
  written_end_ = std::max(written_end_, end);
  block_begin_ = end;
  filled_bytes_ = 0;
  filling_ = 1 - filling_;
}

sched::task<void> BlockWriter::write_block(Files& files, std::shared_ptr<Shared> shared, std::uint64_t offset_bytes,
                                           std::span<const std::byte> bytes) {
  co_await files.write(shared->file, offset_bytes, bytes);
}

sched::task<void> BlockWriter::await_write() {
  while (shared_->writing) {
    sched::at_suspension("wait until a block is written");
    Wait wait{shared_};
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::error_code)>(wait, asio::use_awaitable);
  }
  if (shared_->failure) std::rethrow_exception(std::exchange(shared_->failure, nullptr));
}

sched::task<void> BlockWriter::go_back() {
  if (mark_ >= block_begin_) {
    filled_bytes_ = static_cast<std::size_t>(mark_ - block_begin_);
    co_return;
  }
  // What is on disk beyond the mark is overwritten, or cut off in the end. The hash stands at the mark: before a block
  // is written it is brought up to there.
  co_await await_write();
  runs_over_ = false;
  block_begin_ = mark_;
  filled_bytes_ = 0;
}

sched::task<void> BlockWriter::finish(std::span<const std::byte> front) {
  assert(open_ && front.size() == front_bytes_ && mark_ == block_begin_ + filled_bytes_);
  co_await start_write();
  co_await await_write();
  if (written_end_ > mark_) co_await shorten();
  if (!front.empty()) co_await files_.write(shared_->file, 0, front);
  co_await files_.sync(shared_->file);
  open_ = false;
  OpenFile file = std::move(shared_->file);
  co_await files_.close(std::move(file));
}

/// More was written than the file is to have. Files cannot cut a file off, so the wanted part is written anew. Rare: a
/// document longer than a block was taken back, and it was the last one.
sched::task<void> BlockWriter::shorten() {
  const OpenFile old = std::move(shared_->file);
  co_await files_.remove_file(path_);
  OpenFile file = co_await files_.open(path_, O_RDWR | O_CREAT | O_EXCL, 0666);
  shared_->file = std::move(file);
  Block block = shared_->blocks.block(0);
  block.index = ~0u;  // not one of the blocks of `files_`
  for (std::uint64_t at = front_bytes_; at < mark_;) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(block.bytes.size(), mark_ - at));
    const std::size_t got = co_await files_.read(old, at, block, wanted);
    if (got == 0) throw FileError(path_, at, EIO, "read back what was written");
    const std::span<const std::byte> bytes = block.bytes.first(got);
    co_await files_.write(shared_->file, at, bytes);
    at += got;
  }
  written_end_ = mark_;
}

std::uint64_t BlockWriter::checksum() noexcept {
  hash_to_mark();
  return XXH3_64bits_digest(hash_.get());
}

sched::task<void> BlockWriter::abandon() {
  if (!std::exchange(open_, false)) co_return;
  try {
    co_await await_write();
    OpenFile file = std::move(shared_->file);
    co_await files_.close(std::move(file));
  } catch (const FileError&) {
    // Nobody wants the file any more; its destructor closes it.
  }
}

}  // namespace io
