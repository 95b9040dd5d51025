#pragma once

// Tokens become rows, rows micro-batches, micro-batches steps. Rows advance by seq_len over the concatenation of all
// documents; the stream begins with end-of-text, so that every token after it is a target exactly once. Nothing is
// cropped; only a run's last row is padded, only its last step is partial.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "io/tokenizer.hpp"
#include "pipeline/ingest_position.hpp"
#include "pipeline/micro_batch.hpp"

namespace pipeline {

struct PackerShape {
  std::size_t seq_len;             ///< positions per row
  std::size_t micro_batch_rows;    ///< rows per micro-batch
  std::size_t step_batches_count;  ///< micro-batches per step
  std::uint64_t targets_max;       ///< the stream ends after that many targets
  bool document_mask = false;      ///< micro-batches say where documents begin in their rows
  std::size_t runs_together = 1;   ///< the order that a step's micro-batches come in: pipeline/batch_order.hpp
};

class Packer {
 public:
  /// `tokenizer` outlives the packer; it knows the end-of-text token and what bytes a token stands for.
  Packer(const PackerShape& shape, const io::Tokenizer& tokenizer);
  /// Goes on after `steps` whole steps of `targets_count` targets, the last of which was `previous`.
  void go_on_after(std::uint64_t steps, std::uint64_t targets_count, io::TokenId previous);

  /// Adds the tokens of (a piece of) a document. Tokens past `targets_max` are dropped.
  void add(std::span<const io::TokenId> ids);
  /// Adds the end-of-text token that ends a document. `whole`: the document counts as trained on.
  void end_document(bool whole);
  /// `targets_max` is reached; what was added last was cut off there.
  bool full() const noexcept { return targets_count_ == shape_.targets_max; }
  /// How many targets the step being filled still takes; 0 where it is complete.
  std::uint64_t step_room() const noexcept;
  /// Kept with the step being filled, which is complete or the last: where ingest goes on after it, and what it entered
  /// in its books during it. What was kept before is replaced.
  void mark(IngestPosition position, std::shared_ptr<const Accounting> books);
  /// The stream has ended: the last row is padded, the last step becomes ready.
  void finish();

  /// The next micro-batch that is ready. A step's are ready once it is known whether the step is the run's last.
  std::optional<MicroBatch> take();

  std::uint64_t targets_count() const noexcept { return targets_count_; }
  /// Targets of a whole step.
  std::uint64_t step_targets() const noexcept {
    return shape_.step_batches_count * shape_.micro_batch_rows * shape_.seq_len;
  }
  /// The number of the step being filled, from 1.
  std::uint64_t step() const noexcept { return step_; }
  io::TokenId previous() const noexcept { return previous_; }

 private:
  void add_target(io::TokenId id, bool ends_document);
  void release_step(bool last);
  void make_ready(MicroBatch& batch, bool last);

  PackerShape shape_;
  const io::Tokenizer& tokenizer_;
  io::TokenId end_of_text_;
  io::TokenId previous_;  // the stream's last token: the first input of the next row
  std::uint64_t targets_count_ = 0;
  std::uint64_t step_ = 1;
  std::vector<MicroBatch> open_step_;  // the micro-batches of the step being filled
  std::deque<MicroBatch> ready_;
  std::shared_ptr<const IngestPosition> mark_;
  std::shared_ptr<const Accounting> books_;
  bool finished_ = false;
};

}  // namespace pipeline
