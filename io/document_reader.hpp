#pragma once

// From the order of a plan to documents: reads ahead, decompresses, finds documents, and hands them on in slabs, in
// order. Lives on one executor; slabs may be given back from any thread.

#include <asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "io/document_splitter.hpp"
#include "io/inflate.hpp"
#include "io/raw_document.hpp"
#include "io/read_ahead.hpp"
#include "io/token_reader.hpp"
#include "sched/channel.hpp"
#include "sched/scope.hpp"
#include "sched/task.hpp"

namespace io {

class DocumentReader {
 public:
  /// Lives on `executor`; uses the blocks of `share` in `files`.
  DocumentReader(Files& files, asio::any_io_executor executor, StretchOrder& order, BlockShare share,
                 DocumentOptions options);

  /// Starts reading; the coroutines belong to `scope`, which is joined before this dies.
  void start(sched::Scope& scope) { ahead_.start(scope); }

  /// The next slab, with one document or more; nothing past the end of the order.
  sched::task<std::optional<Slab>> next();

  /// Every slab comes back when nobody looks at its documents any more. From any thread.
  void give_back(Slab slab);

  /// Lets the coroutines end. `next` must not be called any more.
  void stop() { ahead_.stop(); }

 private:
  /// Decompressed bytes in one slab.
  static constexpr std::size_t buffer_bytes = 256 << 10;
  static constexpr std::size_t buffers_max = 64;  // kept for further use

  void split(const Extent& extent, Slab& slab);
  sched::task<void> take_tokens(const Extent& extent, Slab& slab);
  void inflate(const Extent& extent, Slab& slab);
  bool begin_stretch(const Extent& extent, Slab& slab);
  std::unique_ptr<char[]> take_buffer();

  ReadAhead ahead_;
  DocumentSplitter splitter_;
  TokenReader tokens_;
  bool inside_stretch_ = false;
  std::optional<ReadAhead::Filled> filled_;  // whose compressed bytes are being decompressed
  std::span<const std::byte> compressed_;    // what is left of them
  std::unique_ptr<Inflater> inflater_;
  std::uint64_t inflated_bytes_ = 0;  // offset in the decompressed stream
  sched::Channel<std::unique_ptr<char[]>> buffers_{buffers_max};
};

}  // namespace io
