#pragma once

// The plain scalar trainer: one optimizer step of GPT-2 written down once more, without vectors, threads, shared
// buffers or anything clever. What the program does on any machine must give these weights, bit for bit.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compute/adamw.hpp"
#include "compute/gpt2.hpp"

namespace tests {

/// What training changes.
struct ScalarTrainer {
  compute::Gpt2Shape shape;
  std::vector<float> weights;           ///< gpt2_floats
  std::vector<float> moment1, moment2;  ///< the same; zeros at first
};

/// A trainer that starts from these weights.
ScalarTrainer make_scalar_trainer(const compute::Gpt2Shape& shape, std::vector<float> weights);

/// What a step reports.
struct ScalarStep {
  double nats;           ///< sum of the losses over the targets
  double targets_count;  ///< in the step
  double norm;           ///< of the gradient of the mean loss, before clipping
};

/// One step over its micro-batches in index order. Of `adamw`, gradient_scale and clip are ours to set.
///   max_norm: the global norm beyond which the gradient is scaled down to it.
ScalarStep scalar_step(ScalarTrainer& trainer, std::span<const compute::TokenRows> micro_batches,
                       compute::AdamWStep adamw, double max_norm);

/// Loss and gradient of one micro-batch.
struct ScalarGradient {
  std::vector<float> gradient;  ///< gpt2_floats, of the sum of the losses
  double nats;
  double targets_count;
};
ScalarGradient scalar_gradient(const compute::Gpt2Shape& shape, std::span<const float> weights,
                               const compute::TokenRows& rows);

}  // namespace tests
