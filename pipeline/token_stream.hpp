#pragma once

// One stream of tokenized documents, in the order of its plan. Without helpers it tokenizes on the executor of whoever
// asks; with them (`icosa tokenize`) slabs are tokenized by every core, and come back in order.

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "io/document_reader.hpp"
#include "pipeline/tokenized.hpp"
#include "sched/channel.hpp"
#include "sched/cores.hpp"
#include "sched/scope.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// A slab on its way to a core and back.
struct SlabJob {
  io::DocumentReader* home = nullptr;
  io::Slab slab;
  TokenChunk chunk;
  sched::Channel<bool> free{1};
  sched::Channel<bool> done{1};
};

/// Where cores find slabs to tokenize.
using SlabJobs = sched::Channel<SlabJob*>;

/// Has each core tokenize what comes through `jobs` until they are finished. The coroutines belong to `scope`, which
/// ends before the streams whose slabs they are.
void start_tokenizing(const sched::Cores& cores, sched::Scope& scope, SlabJobs& jobs, const io::Tokenizer& tokenizer,
                      const io::TextKey& text_key, const Selection& selection);
/// How many jobs a stream has for so many cores: each has one in hand and one ahead.
inline std::size_t slab_jobs_count(const sched::Cores& cores) noexcept {
  return 2 * cores.count() + 2;
}

class TokenStream {
 public:
  /// What a stream needs; everything referred to outlives it.
  struct Parts {
    io::Files& files;
    asio::any_io_executor executor;  ///< where files are read and decompressed
    io::BlockShare blocks;
    const io::Tokenizer& tokenizer;
    io::DocumentOptions options;
    Selection selection;
    SlabJobs* jobs = nullptr;  ///< with helpers
    std::size_t jobs_count = 0;
  };

  TokenStream(const Parts& parts, std::unique_ptr<io::StretchOrder> order);

  /// Starts reading; the coroutines belong to `scope`.
  void start(sched::Scope& scope);
  /// The next chunk; nothing past the end. Without helpers: on the stream's executor.
  sched::task<std::optional<TokenChunk>> next();
  /// Lets the coroutines end. `next` must not be called any more.
  void stop();

 private:
  sched::task<void> hand_out();

  asio::any_io_executor executor_;
  std::unique_ptr<io::StretchOrder> order_;
  io::DocumentReader reader_;
  SlabTokenizer tokenizer_;
  SlabJobs* jobs_;
  std::vector<std::unique_ptr<SlabJob>> own_jobs_;
  std::unique_ptr<sched::Channel<SlabJob*>> under_way_;  // in the order of the plan
};

}  // namespace pipeline
