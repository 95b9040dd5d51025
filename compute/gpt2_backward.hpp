#pragma once

// The backward pass of GPT-2. Internal to compute/.

#include <span>

#include "compute/gpt2_forward.hpp"

namespace compute {

/// Writes the gradient of everything but the head's matrix, and adds to that the token embedding's, which is the same;
/// given the workspace as `gpt2_forward` and `gpt2_head_gradient` left it.
void gpt2_backward(std::span<float> gradient, const Gpt2Model& model, const TokenGrid& inputs,
                   const std::uint32_t* document_first, const Gpt2Workspace& space, const Dropout& dropout,
                   Activations activations) noexcept;

}  // namespace compute
