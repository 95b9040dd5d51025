#pragma once

// What passes through the batch channel: the rows of one micro-batch and its place in the run.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "compute/gpt2.hpp"
#include "io/tokenizer.hpp"

namespace pipeline {

class Accounting;
struct IngestPosition;

/// Rows of token ids. A row has seq_len inputs and, shifted by one, seq_len targets.
struct MicroBatch {
  MicroBatch() = default;
  MicroBatch(std::uint64_t step_, std::size_t index_) : step(step_), index(index_) {}

  std::uint64_t step = 0;              ///< 1 is the first
  std::size_t index = 0;               ///< within the step
  std::size_t step_batches_count = 0;  ///< micro-batches of its step; fewer than usual only in a run's last step
  bool last_step = false;
  std::size_t rows_count = 0;
  std::size_t seq_len = 0;
  std::size_t targets_count = 0;      ///< targets that count; the rest, at the end, is padding
  std::size_t context = 0;            ///< of each row: leading targets that do not count, in evaluations
  std::uint64_t documents_count = 0;  ///< documents whose last token is a target here
  std::uint64_t text_bytes = 0;       ///< bytes of text that the targets stand for
  // In a step's first micro-batch only: were they in all, every core would write to the counts of their holders.
  std::shared_ptr<const IngestPosition> position;  ///< of ingest, behind the step
  std::shared_ptr<const Accounting> books;         ///< what ingest entered during the step
  std::vector<std::uint32_t> document_first;       ///< (rows_count, seq_len) with --doc-mask: compute/documents.hpp
  std::vector<io::TokenId> ids;                    ///< (rows_count, seq_len + 1)
};

/// The rows as the model takes them. They point into `batch`.
inline compute::TokenRows token_rows(const MicroBatch& batch) noexcept {
  return {batch.ids.data(),
          batch.rows_count,
          batch.seq_len,
          batch.targets_count,
          batch.document_first.empty() ? nullptr : batch.document_first.data(),
          batch.context};
}

}  // namespace pipeline
