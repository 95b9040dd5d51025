#pragma once

// The backward pass. Internal to compute/.

#include <span>

#include "compute/gpt2_forward.hpp"

namespace compute {

/// The gradient of everything but the head's matrix, given the workspace as `gpt2_forward` and `gpt2_head_gradient`
/// left it. Replaced or added; but the token embedding's is added to what is there in any case: tied, to the head's;
/// else, where all others are replaced, to +0.
void gpt2_backward(std::span<float> gradient, Into into, const Gpt2Model& model, const TokenGrid& inputs,
                   const std::uint32_t* document_first, const Gpt2Workspace& space, const Dropout& dropout,
                   Activations activations) noexcept;

}  // namespace compute
