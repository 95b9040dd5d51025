#pragma once

// Ingest: documents are loaded, tokenized, packed and put into the batch channel. Runs on the executor of Files, beside
// the cores that compute; the channel's bound is what makes it wait.

#include <cstdint>
#include <memory>
#include <vector>

#include "io/files.hpp"
#include "io/tokenizer.hpp"
#include "pipeline/accounting.hpp"
#include "pipeline/dataset.hpp"
#include "pipeline/document_feed.hpp"
#include "pipeline/ingest_position.hpp"
#include "pipeline/micro_batch.hpp"
#include "pipeline/packer.hpp"
#include "sched/channel.hpp"
#include "sched/cores.hpp"
#include "sched/task.hpp"

namespace pipeline {

using BatchChannel = sched::Channel<MicroBatch>;

/// What ingest reads and how. Everything referred to outlives it.
struct Ingest {
  io::Files& files;
  std::vector<Dataset>& datasets;
  const io::Tokenizer& tokenizer;
  FeedOptions feed;
  PackerShape shape;
  io::BlockShare blocks;  ///< its share of the blocks of `files`
  bool required;          ///< throw DamageError where an epoch holds nothing to train on
  Accounting& accounting;
  IngestPosition start;             ///< where to go on
  sched::Cores* helpers = nullptr;  ///< cores that tokenize, or none: then the executor of `files` does
};

/// Fills `batches` until the plan or the packer ends, and then finishes it. However it ends, no helper is still at
/// work.
sched::task<void> load_batches(Ingest ingest, BatchChannel& batches);

}  // namespace pipeline
