#pragma once

// What crosses a boundary: the gradient of a micro-batch, or of several that have been added, with what was counted.

#include <cstdint>
#include <memory>
#include <span>

#include "compute/adamw.hpp"

namespace pipeline {

class Accounting;
struct IngestPosition;

/// One buffer of the pool. Whoever holds the pointer owns it; only they may write. It shares no cache line with
/// another.
struct alignas(64) Gradient {
  std::span<float> values;
  double nats = 0;  ///< sum of the losses
  std::uint64_t targets_count = 0;
  std::uint64_t documents_count = 0;
  bool last_step = false;
  std::shared_ptr<const IngestPosition> position;  ///< of ingest behind the step, as its first micro-batch has it
  std::shared_ptr<const Accounting> books;         ///< likewise
};

/// Nothing counted, whatever the values are.
inline void clear_counts(Gradient& gradient) noexcept {
  gradient.nats = 0;
  gradient.targets_count = gradient.documents_count = 0;
  gradient.last_step = false;
  gradient.position = nullptr;
  gradient.books = nullptr;
}

/// left += right, but for the values. Returns left. What only a step's first micro-batch has is on the left always.
inline Gradient* add_counts(Gradient* left, const Gradient* right) noexcept {
  left->nats += right->nats;
  left->targets_count += right->targets_count;
  left->documents_count += right->documents_count;
  left->last_step = left->last_step || right->last_step;
  return left;
}

/// left += right, as the sum tree adds. Returns left; right is free again.
inline Gradient* add(Gradient* left, const Gradient* right) noexcept {
  compute::add(left->values, left->values, right->values);
  return add_counts(left, right);
}

}  // namespace pipeline
