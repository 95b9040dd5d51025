#pragma once

// The loss of Llama's family, with every choice of compute/model_shape.hpp that it has, in double precision with the
// math library's functions. Shares no code and no formula with compute/ but the tensors' names and places.

#include <span>

#include "compute/gpt2.hpp"

namespace tests {

/// Sum of the cross-entropies of the targets that count.
double double_llama_loss(const compute::ModelShape& shape, std::span<const double> weights,
                         const compute::TokenRows& rows);

}  // namespace tests
