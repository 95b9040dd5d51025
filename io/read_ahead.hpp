#pragma once

// Reads documents ahead of their use, many files in flight, and hands them on in the order of the plan whatever the
// order in which the disk answers. Lives on the executor of Files; stands between the disk and the tokenizer.

#include <asio/any_io_executor.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/corpus.hpp"
#include "io/files.hpp"
#include "sched/channel.hpp"
#include "sched/scope.hpp"
#include "sched/task.hpp"

namespace io {

/// The reason of a Skip for a file that is not text: left out rather than damaged.
inline constexpr const char* binary_reason = "binary";

/// A piece of a document, in its order; or, in its place, why the document is skipped.
class Piece {
 public:
  Piece() = default;
  Piece(const Source* source, Block block, std::size_t size_bytes, bool last)
      : source_(source), block_(block), size_bytes_(size_bytes), last_(last) {}
  Piece(const Source* source, Block block, Skip skip)
      : source_(source), block_(block), last_(true), skip_(std::move(skip)) {}

  const Source& source() const noexcept { return *source_; }
  /// Valid UTF-8 over all pieces of the document; a code point may be cut in two.
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(block_.bytes.data()), size_bytes_}; }
  /// The document ends here.
  bool last() const noexcept { return last_; }
  const std::optional<Skip>& skip() const noexcept { return skip_; }
  Block block() const noexcept { return block_; }

 private:
  const Source* source_ = nullptr;
  Block block_;
  std::size_t size_bytes_ = 0;
  bool last_ = false;
  std::optional<Skip> skip_;
};

/// The source at a position of the plan's order; nullptr past its end. The sources outlive the ReadAhead.
using Order = std::function<const Source*(std::uint64_t position)>;

class ReadAhead {
 public:
  /// Uses the blocks [first_block, first_block + blocks_count) of `files`, two for each file in flight.
  ReadAhead(Files& files, Order order, unsigned first_block, unsigned blocks_count);
  ~ReadAhead();

  /// Starts reading; the coroutines belong to `scope`, which is joined before this dies.
  void start(sched::Scope& scope);

  /// The next piece in the order of the plan; nothing past its end. The piece before is given back by this call.
  sched::task<std::optional<Piece>> next();

  /// Lets the coroutines end when they have read what they are at. `next` must not be called any more.
  void stop();

 private:
  struct Lane;

  sched::task<void> read_lane(Lane& lane, std::size_t first_position);
  sched::task<std::optional<Skip>> read_document(Lane& lane, Block& block, const Source& source);
  sched::task<std::optional<Skip>> examine(const OpenFile& file, Block block, const Source& source,
                                           std::uint64_t size_bytes);
  sched::task<std::size_t> fill(const OpenFile& file, std::uint64_t offset_bytes, Block block,
                                std::uint64_t size_bytes);
  static void send(Lane& lane, Piece piece);

  Files& files_;
  Order order_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::uint64_t position_ = 0;
  std::optional<Block> lent_;  // what the last piece stands in
  Lane* lender_ = nullptr;     // whose block it is
};

}  // namespace io
