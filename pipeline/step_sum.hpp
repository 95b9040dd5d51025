#pragma once

// How the gradients of a step become one, on the worker's side of the boundary. Lean: two by two as they arrive, by
// whoever came second, in as few buffers as the sum tree needs. Fast: the gradients of a sphere wait and are added in
// one pass. What the last one to arrive would add is left to all cores. The association is the same, and so are the
// bits.

#include <cstddef>
#include <optional>

#include "compute/matrix.hpp"
#include "pipeline/gradient.hpp"
#include "sched/pool.hpp"
#include "sched/row.hpp"
#include "sched/spheres.hpp"
#include "sched/sum_tree.hpp"

namespace pipeline {

/// What `--gradient-memory` chooses.
enum class GradientMemory { automatic, lean, fast };

const char* gradient_memory_name(GradientMemory memory) noexcept;

/// Buffers with which no core ever waits for long, and none for ever: a core takes its buffer before the next index in
/// the order of pipeline/batch_order.hpp. Lean: cores + depth of the tree + 1. Fast: one per micro-batch of each sphere
/// that may be under way.
std::size_t gradient_buffers_count(GradientMemory memory, std::size_t step_batches_count, std::size_t cores_count);

/// What crosses the boundary to the control: gradients whose sum, as sched::fold makes it, is the step's.
using GradientRow = sched::Row<Gradient>;

class StepSum {
 public:
  /// `memory`: lean or fast. What is added goes back to `buffers`.
  StepSum(std::size_t step_batches_count, GradientMemory memory, sched::Pool<Gradient>& buffers);

  std::size_t leaves_count() const noexcept { return tree_.leaves_count(); }
  std::size_t depth() const noexcept { return tree_.depth(); }

  /// Lean: the gradient to which that of micro-batch `index` is to be added, if it is there: its worker may then add
  /// while it computes. It is the worker's until it arrives as Into::added. nullptr where there is none.
  Gradient* take_waiting(std::size_t index) noexcept;

  /// A worker hands over the gradient of micro-batch `index` of a step of `present_count`; or, as Into::added, what
  /// `take_waiting` gave, with that added to it. From any thread, without a lock. Returns the step's row to the one who
  /// completes it, nullptr to all others.
  const GradientRow* arrive(std::size_t index, std::size_t present_count, Gradient* gradient,
                            compute::Into into = compute::Into::replaced);

 private:
  Gradient* add_row(const GradientRow& row);

  sched::Pool<Gradient>& buffers_;
  sched::SumTree tree_;
  std::optional<sched::Spheres<Gradient>> spheres_;  // fast
  GradientRow rest_;                                 // lean: what the last one to arrive found on its way to the root
};

/// Adds the counts of a row up into the gradient with the lowest indices, and returns that. Values stay as they are.
Gradient* add_counts(const GradientRow& row);

}  // namespace pipeline
