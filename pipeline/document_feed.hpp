#pragma once

// All documents of a run, tokenized, in their order: those of one corpus, or of several mixed in proportion to their
// weights. Which corpus gives the next document depends on how many each has given, and on nothing else.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "pipeline/corpus_stream.hpp"
#include "pipeline/dataset.hpp"
#include "sched/scope.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// Where to go on in a feed.
struct FeedPosition {
  std::vector<CorpusPosition> corpora;
  LongPosition inside;  ///< of the document that comes next
  bool operator==(const FeedPosition&) const = default;
};

/// How documents are chosen and ordered.
struct FeedOptions {
  io::DocumentOptions documents;
  Selection selection;
  Shuffle shuffle = Shuffle::none;  ///< not automatic
  std::uint64_t seed = 0;
  std::uint64_t epochs_max = 0;  ///< 0: without end; several corpora end with the first that ends
  bool in_turn = false;          ///< one corpus after the other, whatever their weights
};

class DocumentFeed {
 public:
  /// What it runs on; everything referred to outlives it.
  struct Place {
    io::Files& files;
    std::vector<asio::any_io_executor> executors;  ///< of the streams, in turn
    io::BlockShare blocks;
    SlabJobs* jobs = nullptr;  ///< cores that tokenize, or none
    std::size_t jobs_count = 0;
  };

  DocumentFeed(const Place& place, std::vector<Dataset>& datasets, const io::Tokenizer& tokenizer,
               const FeedOptions& options, const FeedPosition& start);

  void start(sched::Scope& scope);
  void stop();

  /// The next part where there is one without waiting; it holds until the next call.
  const TokenPart* take();
  /// Awaits that there is one; false at the end.
  sched::task<bool> fetch();

  /// Of the corpus that gave the last part.
  std::size_t corpus() const noexcept { return current_; }
  /// Behind the last whole document.
  FeedPosition position() const;

 private:
  void choose();

  std::vector<std::unique_ptr<CorpusStream>> streams_;
  std::vector<double> weights_;
  bool in_turn_;
  std::size_t current_ = 0;
  std::uint64_t given_count_ = 0;  // whole documents, of all corpora
  bool choose_next_ = false;       // a document has ended: another corpus may follow
};

}  // namespace pipeline
