#pragma once

// The documents of one corpus as tokens, in the order of the run: as the plan has them, or shuffled within a window
// that several interleaved streams fill. Knows the position behind every document, from which it can be made again.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/long_document.hpp"
#include "io/token_file.hpp"
#include "pipeline/dataset.hpp"
#include "pipeline/token_stream.hpp"
#include "sched/scope.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// Where to go on in a corpus. Small, whatever was read so far.
struct CorpusPosition {
  std::vector<StreamPosition> streams;  ///< behind the last document (of what the window began with)
  std::vector<bool> epoch_ended;        ///< of each stream: it waits for the others
  std::uint64_t epoch = 0;
  std::uint64_t windows_count = 0;    ///< before this one
  std::uint64_t used_count = 0;       ///< documents used of the window
  std::uint64_t documents_count = 0;  ///< used in all, over all epochs

  bool operator==(const CorpusPosition&) const = default;
};

/// Where to go on within a document that is read from disk piece by piece: from there on the ids are the same.
struct LongPosition {
  std::uint64_t offset_bytes = 0;  ///< in what io::LongDocument gives
  std::uint64_t tokens = 0;        ///< before it
  std::uint64_t text_bytes = 0;    ///< that they stand for

  bool operator==(const LongPosition&) const = default;
};

/// Some tokens of a document, or what happened in its place.
struct TokenPart {
  const TokenItem* item = nullptr;
  std::span<const io::TokenId> ids;
  std::uint64_t text_bytes = 0;  ///< that the ids stand for, or nearly: a piece of a long text may end within a token
  bool last = false;             ///< of the document
  LongPosition restart;          ///< from where a long document gives these ids, or some before them
};

/// Bounds of the window of `--shuffle window`; they are part of the order.
inline constexpr std::size_t window_streams = 4;
inline constexpr std::size_t window_documents_max = 16384;
inline constexpr std::size_t window_ids_max = 2u << 20;

class CorpusStream {
 public:
  /// What it reads and how; everything referred to outlives it.
  struct Parts {
    TokenStream::Parts stream;
    std::vector<asio::any_io_executor> executors;  ///< for its streams, in turn
    Dataset& dataset;
    Shuffle shuffle = Shuffle::none;  ///< not automatic
    std::uint64_t seed = 0;
    std::uint64_t epochs_max = 0;  ///< 0: without end
  };

  CorpusStream(const Parts& parts, const CorpusPosition& start);

  void start(sched::Scope& scope);
  void stop();

  /// The next part where there is one without waiting; it holds until the next call.
  const TokenPart* take();
  /// Awaits that there is one; false at the end.
  sched::task<bool> fetch();
  /// Behind the last part that `take` gave with `last`.
  const CorpusPosition& position() const noexcept { return position_; }
  /// Before the first `take`: the first document was used up to there.
  void begin_inside(const LongPosition& position) noexcept { inside_ = position; }

 private:
  struct Entry {
    std::shared_ptr<const TokenChunk> chunk;
    std::size_t index = 0;
  };

  struct Source {
    std::unique_ptr<TokenStream> tokens;
    std::shared_ptr<const TokenChunk> chunk;
    std::size_t index = 0;  // of its next item
  };

  sched::task<bool> advance(Source& source);
  sched::task<bool> fill_window();
  sched::task<bool> fetch_long_piece();
  void take_long_ids(const io::TokenFile& file, const std::string& bytes, std::uint64_t end_token);
  const TokenPart* part_of(const Entry& entry);
  void used(const TokenItem& item);

  io::Files& files_;
  const io::Tokenizer& tokenizer_;
  io::TextKey text_key_;
  std::uint64_t seed_;
  bool windowed_;
  bool one_per_unit_;
  std::vector<const io::Source*> selected_;
  std::vector<Source> sources_;
  CorpusPosition position_;
  CorpusPosition window_end_;  // the position behind the window, when it is used up
  std::vector<Entry> window_;  // in the order in which it is used
  std::size_t window_used_ = 0;
  std::uint64_t passed_over_ = 0;  // of the first window: used before the start
  TokenPart part_;
  std::optional<Entry> long_entry_;   // whose document is being read from disk
  std::optional<Entry> given_entry_;  // of a long document, kept as long as the part that points into it
  std::optional<io::LongDocument> long_document_;
  std::unique_ptr<io::Encoder> long_encoder_;
  std::vector<io::TokenId> long_ids_;
  std::uint64_t long_tokens_ = 0;  // of a file of tokens: what is read next
  LongPosition long_given_;        // of the long document, so far
  LongPosition long_restart_;
  LongPosition inside_;
  bool long_ready_ = false;
};

}  // namespace pipeline
