#pragma once

// GPT-2's loss in double precision with the math library's functions: what gradients are checked against. Shares no
// code and no formula with compute/ but the tensors' names and places.

#include <span>

#include "compute/gpt2.hpp"

namespace tests {

/// Sum of the cross-entropies of the targets that count.
double double_gpt2_loss(const compute::Gpt2Shape& shape, std::span<const double> weights,
                        const compute::TokenRows& rows);

}  // namespace tests
