#pragma once

// Root-mean-square normalisation of rows, forward and backward.
//   Source: Zhang & Sennrich 2019, eq. 4; Llama normalises what enters each half of a block and the last output, Qwen3
//   each head's queries and keys too.
//
// The arithmetic, all f32. sum16 is the sum over 16 virtual lanes of compute/lanes.hpp, C the number of columns:
//   rstd  = 1 / sqrt(sum16 of fma(x, x, lane) / C + epsilon)
//   n     = x * rstd
//   out   = n * gain
// and backward, with g = dout * gain:
//   b     = sum16 of fma(g, n, lane) / C
//   dx    = fma(-b, n, g) * rstd
//   dgain = chain of fma(dout, n, .) over the rows in order, from +0 or from what is there

#include "compute/layernorm.hpp"
#include "compute/matrix.hpp"

namespace compute {

/// Scales each row of x to unit root mean square, then by gain.
///   out, x: (rows, C); may be the same memory. gain: (C,). rstds: (rows,), for the way back. epsilon goes inside the
///   root.
void rmsnorm_forward(Matrix out, float* rstds, ConstMatrix x, const float* gain, float epsilon) noexcept;

/// The gradients of the above.
///   dx: (rows, C), replaced or added to. dgain: (C,), likewise. dout, x: (rows, C); dout may be dx if that is
///   replaced.
void rmsnorm_backward(Matrix dx, Into into, float* dgain, Into gain_into, ConstMatrix dout, ConstMatrix x,
                      const float* rstds, const float* gain) noexcept;

namespace plain {
void rmsnorm_forward(Matrix out, float* rstds, ConstMatrix x, const float* gain, float epsilon) noexcept;
void rmsnorm_backward(Matrix dx, Into into, float* dgain, Into gain_into, ConstMatrix dout, ConstMatrix x,
                      const float* rstds, const float* gain) noexcept;
}  // namespace plain

}  // namespace compute
