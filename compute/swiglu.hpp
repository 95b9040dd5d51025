#pragma once

// The gated linear unit of Llama: silu(gate) * up, silu(x) = x sigmoid(x).
//   Source: Shazeer 2020, section 2 (SwiGLU with beta = 1).
//
// The arithmetic, all f32, sigmoid being that of compute/exp.hpp:
//   s     = sigmoid(gate)
//   silu  = gate * s
//   out   = silu * up
// and backward:
//   dgate = (dout * up) * fma(silu, 1 - s, s)
//   dup   = dout * silu

#include "compute/matrix.hpp"

namespace compute {

/// out = silu(gate) * up, row by row.
///   out: (rows, F). both: (rows, 2F), each row gate | up. They do not overlap.
void swiglu_forward(Matrix out, ConstMatrix both) noexcept;

/// The gradients of gate and up, and once more what the forward pass gave, which then need not be kept.
///   dboth: (rows, 2F), each row dgate | dup; written whole, may be `both`. out, dout: (rows, F); may be the same.
void swiglu_backward(Matrix dboth, Matrix out, ConstMatrix dout, ConstMatrix both) noexcept;

namespace plain {
void swiglu_forward(Matrix out, ConstMatrix both) noexcept;
void swiglu_backward(Matrix dboth, Matrix out, ConstMatrix dout, ConstMatrix both) noexcept;
}  // namespace plain

}  // namespace compute
