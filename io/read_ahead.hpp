#pragma once

// Reads the bytes of a plan ahead of their use: every block of its share is always either being filled or waiting to be
// used, and blocks come out in the order of the plan whatever the order in which the disk answers. Stands between the
// disk and whoever finds documents in the bytes. Lives on one executor; blocks may be given back from any thread.

#include <asio/any_io_executor.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/files.hpp"
#include "io/stretch.hpp"
#include "sched/channel.hpp"
#include "sched/scope.hpp"
#include "sched/task.hpp"
#include "sched/turn.hpp"

namespace io {

/// Bytes of a stretch that stand in a block, or why they could not be read.
struct Extent {
  Stretch stretch;
  std::uint64_t offset_bytes = 0;  ///< of `bytes` in the file
  std::string_view bytes;          ///< `block_padding_bytes` behind them may be read, too
  bool last = false;               ///< nothing more comes of the stretch
  std::string failure;             ///< why not, or empty; what else comes of the stretch is to be passed over
};

/// May be read behind the bytes of an extent: parsers look at whole vectors.
inline constexpr std::size_t block_padding_bytes = 64;

/// The blocks of a Files that belong to one reader.
struct BlockShare {
  unsigned first = 0;
  unsigned count = 0;
};

class ReadAhead {
 public:
  /// A filled block: several small files or records, or a part of a large one.
  struct Filled {
    std::size_t lane = 0;
    std::vector<Extent> extents;
  };

  /// Lives on `executor`. Requires blocks of more than `block_padding_bytes`, and at least one.
  ReadAhead(Files& files, asio::any_io_executor executor, StretchOrder& order, BlockShare blocks);
  ~ReadAhead();

  /// Starts reading; the coroutines belong to `scope`, which is joined before this dies.
  void start(sched::Scope& scope);

  /// The next block in the order of the plan; nothing past its end.
  sched::task<std::optional<Filled>> next();

  /// The block will be read into again. From any thread; each block once.
  void give_back(std::size_t lane);

  /// Lets the coroutines end when they have read what they are at. `next` must not be called any more. From any thread.
  void stop();

 private:
  struct Lane;
  struct OpenLarge;
  struct KeptOpen {
    const Source* source;
    std::shared_ptr<OpenFile> file;
  };

  sched::task<void> read_lane(Lane& lane);
  sched::task<void> take(Lane& lane);
  sched::task<void> take_small(Lane& lane);
  sched::task<void> take_large(Lane& lane);
  sched::task<bool> peek();
  sched::task<void> read_small(Lane& lane);
  sched::task<void> read_large(Lane& lane);
  sched::task<bool> add_small(Lane& lane, std::size_t& used_bytes);
  sched::task<void> open_large(OpenLarge& large, Block probe);
  sched::task<void> try_to_open(OpenLarge& large, Block probe);
  std::shared_ptr<OpenFile> recently_opened(const Source* source);
  void keep_open(const Source* source, std::shared_ptr<OpenFile> file);
  sched::task<std::size_t> fill(const OpenFile& file, std::uint64_t offset_bytes, Block block, std::size_t wanted);

  Files& files_;
  asio::any_io_executor executor_;
  StretchOrder& order_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  sched::Channel<std::size_t> tickets_;  // lanes in the order in which they took their share of the plan
  sched::Turn taking_;                   // they take it one at a time
  std::optional<Stretch> ahead_;         // what the order gave last and nobody has taken
  bool ended_ = false;
  std::atomic<bool> stopped_ = false;
  std::shared_ptr<OpenLarge> large_;  // the large file being handed out
  std::vector<KeptOpen> kept_open_;   // of which records were read, the latest last
};

}  // namespace io
