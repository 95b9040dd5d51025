#pragma once

// What training may add to the plain cross-entropy of the whole model. The defaults add nothing and change no bit.

#include <cstdint>

namespace compute {

/// Beside the loss of the target, per row of logits x with log Z = log of the sum of exp(x):
///   (1 - label_smoothing) (log Z - x_target) + label_smoothing (log Z - mean of x) + z_loss (log Z)^2
struct LossTerms {
  float label_smoothing = 0;  ///< in [0, 1)
  float z_loss = 0;

  bool plain() const noexcept { return label_smoothing == 0 && z_loss == 0; }
};

/// Zeros at random, in the embedded tokens and in what each half of a block adds to the residual stream. Which ones is
/// a function of seed, step, micro-batch, place and element (compute/dropout.hpp): the same on any number of cores.
struct Dropout {
  float rate = 0;  ///< share that becomes zero, in [0, 1); the rest grows by 1 / (1 - rate)
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  std::uint32_t micro_batch = 0;  ///< its index within the step
};

struct Objective {
  LossTerms loss;
  Dropout dropout;
};

}  // namespace compute
