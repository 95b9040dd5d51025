#pragma once

// A GPT-2 in memory with everything that its functions ask the caller for.

#include <hwy/aligned_allocator.h>

#include <cstdint>
#include <span>
#include <vector>

#include "compute/adamw.hpp"
#include "compute/gpt2.hpp"

namespace tests {

/// 64-byte aligned floats, filled with what no pass may rely on.
class Workspace {
 public:
  explicit Workspace(std::size_t count) : memory_(hwy::AllocateAligned<float>(count)), count_(count) {
    for (float& value : span()) value = -7e33f;
  }
  std::span<float> span() { return {memory_.get(), count_}; }

 private:
  hwy::AlignedFreeUniquePtr<float[]> memory_;
  std::size_t count_;
};

inline std::vector<float> initial_weights(const compute::Gpt2Shape& shape, std::uint64_t seed) {
  std::vector<float> weights(compute::gpt2_floats(shape));
  compute::gpt2_initialize(weights, shape, seed);
  return weights;
}

struct LossAndGradient {
  compute::LossSum loss;
  std::vector<float> gradient;
};

inline LossAndGradient gradient_of(const compute::Gpt2Shape& shape, std::span<const float> weights,
                                   const compute::TokenRows& rows) {
  Workspace workspace(compute::gpt2_workspace_floats(shape, rows.B, rows.T));
  std::vector<float> gradient(weights.size(), -3e33f);
  const compute::LossSum loss = compute::gpt2_gradient(gradient, shape, weights, rows, workspace.span());
  return {loss, std::move(gradient)};
}

/// The weights packed in this many shares, from the last one to the first.
inline Workspace packed_weights(const compute::Gpt2Shape& shape, std::span<const float> weights, std::size_t shares) {
  Workspace packed(compute::gpt2_packed_floats(shape));
  const auto edge = [&](std::size_t share) { return compute::gpt2_pack_edge(shape, weights.size() * share / shares); };
  for (std::size_t share = shares; share-- > 0;)
    compute::gpt2_pack(packed.span(), shape, weights, edge(share), edge(share + 1));
  return packed;
}

/// gradient_of, from packed weights.
inline LossAndGradient packed_gradient_of(const compute::Gpt2Shape& shape, std::span<const float> weights,
                                          const compute::TokenRows& rows, std::size_t shares) {
  Workspace packed = packed_weights(shape, weights, shares);
  Workspace workspace(compute::gpt2_workspace_floats(shape, rows.B, rows.T));
  std::vector<float> gradient(weights.size(), -3e33f);
  const compute::LossSum loss = compute::gpt2_gradient(gradient, shape, weights, rows, workspace.span(), {},
                                                       compute::Activations::kept, packed.span());
  return {loss, std::move(gradient)};
}

/// The gradient of one micro-batch after the other's: added while it is computed, or apart and afterwards.
struct AddedGradients {
  LossAndGradient found, expected;
};

inline AddedGradients added_gradients_of(const compute::Gpt2Shape& shape, std::span<const float> weights,
                                         const compute::TokenRows& first, const compute::TokenRows& second,
                                         const compute::Objective& objective, compute::Activations activations,
                                         std::span<const float> packed = {}) {
  Workspace workspace(compute::gpt2_workspace_floats(shape, second.B, second.T, activations));
  std::vector<float> found = gradient_of(shape, weights, first).gradient, expected = found;
  std::vector<float> apart(weights.size(), -3e33f);
  const auto gradient = [&](std::span<float> to, compute::Into into) {
    return compute::gpt2_gradient(to, shape, weights, second, workspace.span(), objective, activations, packed, into);
  };
  const compute::LossSum apart_loss = gradient(apart, compute::Into::replaced);
  const compute::LossSum found_loss = gradient(found, compute::Into::added);
  compute::add(expected, expected, apart);
  return {{found_loss, std::move(found)}, {apart_loss, std::move(expected)}};
}

inline compute::LossSum loss_of(const compute::Gpt2Shape& shape, std::span<const float> weights,
                                const compute::TokenRows& rows) {
  Workspace workspace(compute::gpt2_forward_workspace_floats(shape, rows.B, rows.T));
  return compute::gpt2_loss(shape, weights, rows, workspace.span());
}

}  // namespace tests
