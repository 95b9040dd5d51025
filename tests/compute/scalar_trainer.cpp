#include "tests/compute/scalar_trainer.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <utility>

namespace tests {

namespace {

constexpr std::size_t block = 12;

ScalarGradient sum_of(ScalarGradient left, const ScalarGradient& right) {
  for (std::size_t i = 0; i < left.gradient.size(); ++i) left.gradient[i] = left.gradient[i] + right.gradient[i];
  left.nats += right.nats;
  left.targets_count += right.targets_count;
  return left;
}

/// Inside a block of m children the tree splits at the largest power of two below m.
ScalarGradient block_sum(std::span<ScalarGradient> children) {
  if (children.size() == 1) return std::move(children.front());
  const std::size_t split = std::bit_floor(children.size() - 1);
  return sum_of(block_sum(children.first(split)), block_sum(children.subspan(split)));
}

/// Blocks of 12 leaves, then of 12 such blocks, and so on.
ScalarGradient tree_sum(std::vector<ScalarGradient> leaves) {
  assert(!leaves.empty());
  while (leaves.size() > 1) {
    std::vector<ScalarGradient> parents;
    for (std::size_t first = 0; first < leaves.size(); first += block) {
      const std::size_t count = std::min(block, leaves.size() - first);
      parents.push_back(block_sum(std::span(leaves).subspan(first, count)));
    }
    leaves = std::move(parents);
  }
  return std::move(leaves.front());
}

}  // namespace

ScalarTrainer make_scalar_trainer(const compute::Gpt2Shape& shape, std::vector<float> weights) {
  const std::size_t count = weights.size();
  assert(count == compute::gpt2_floats(shape));
  return {shape, std::move(weights), std::vector<float>(count), std::vector<float>(count)};
}

ScalarStep scalar_step(ScalarTrainer& trainer, std::span<const compute::TokenRows> micro_batches,
                       compute::AdamWStep adamw, double max_norm) {
  std::vector<ScalarGradient> leaves;
  for (const compute::TokenRows& rows : micro_batches)
    leaves.push_back(scalar_gradient(trainer.shape, trainer.weights, rows));
  const ScalarGradient total = tree_sum(std::move(leaves));
  adamw.gradient_scale = static_cast<float>(1.0 / total.targets_count);

  const std::size_t count = total.gradient.size();
  std::vector<double> squares((count + compute::norm_block - 1) / compute::norm_block);
  compute::plain::square_sums(squares, total.gradient, adamw.gradient_scale);
  double squared_norm = 0;
  for (const double square : squares) squared_norm += square;
  const double norm = std::sqrt(squared_norm);
  adamw.clip = norm > max_norm ? static_cast<float>(max_norm / norm) : 1.0f;

  for (const compute::Tensor& tensor : compute::gpt2_tensors(trainer.shape)) {
    const auto part = [&tensor](auto& values) { return std::span(values).subspan(tensor.offset, tensor.count); };
    compute::plain::adamw_update(part(trainer.weights), part(trainer.moment1), part(trainer.moment2),
                                 part(total.gradient), tensor.decayed, adamw);
  }
  return {total.nats, total.targets_count, norm};
}

}  // namespace tests
