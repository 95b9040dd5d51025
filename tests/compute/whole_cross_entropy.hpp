#pragma once

// The cross-entropy of whole rows of logits, from the pieces that a training step takes.

#include <vector>

#include "compute/cross_entropy.hpp"

namespace tests {

/// As plain::cross_entropy_gradient; `columns` of the gradient at a time, whole tiles.
inline double cross_entropy_gradient(double nats, compute::Matrix logits, const compute::LossRows& rows,
                                     std::size_t columns = 2 * compute::loss_tile) {
  const std::size_t V = logits.columns;
  std::vector<float> memory(compute::LossSums::floats(logits.rows, V));
  const auto sums = compute::LossSums::in(memory.data(), logits.rows, V);
  for (std::size_t first = 0; first < V; first += compute::epilogue_columns) {
    const std::size_t count = std::min(compute::epilogue_columns, V - first), half = logits.rows / 2;
    compute::cross_entropy_exponentials(logits, sums, {0, half, first, count}, rows);
    compute::cross_entropy_exponentials(logits, sums, {half, logits.rows - half, first, count}, rows);
  }
  nats = compute::cross_entropy_losses(nats, sums, V, rows);
  std::vector<float> gradient(logits.rows * columns);
  for (std::size_t first = 0; first < V; first += columns) {
    const compute::Matrix out = compute::dense(gradient.data(), logits.rows, std::min(columns, V - first));
    compute::cross_entropy_gradient(out, logits, first, sums, rows);
    for (std::size_t row = 0; row < out.rows; ++row)
      std::copy_n(out.data + row * out.stride, out.columns, logits.data + row * logits.stride + first);
  }
  return nats;
}

/// As plain::cross_entropy_loss.
inline double cross_entropy_loss(double nats, compute::ConstMatrix logits, const compute::LossRows& rows) {
  std::vector<float> copy;
  for (std::size_t row = 0; row < logits.rows; ++row)
    copy.insert(copy.end(), logits.data + row * logits.stride, logits.data + row * logits.stride + logits.columns);
  return cross_entropy_gradient(nats, compute::dense(copy.data(), logits.rows, logits.columns), rows);
}

}  // namespace tests
