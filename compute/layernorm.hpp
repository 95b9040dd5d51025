#pragma once

// Layer normalisation of rows, forward and backward.
//   Source: Ba, Kiros & Hinton 2016, section 3; GPT-2 normalises what enters each half of a block, and the last output.
//
// The arithmetic, all f32. sum16 is the sum over 16 virtual lanes of compute/lanes.hpp, C the number of columns:
//   mean     = sum16(x) / C
//   variance = sum16 of fma(d, d, lane) with d = x - mean, / C
//   rstd     = 1 / sqrt(variance + 1e-5)
//   n        = (x - mean) * rstd
//   out      = fma(n, gain, bias)
// and backward, with g = dout * gain:
//   a        = sum16(g) / C
//   b        = sum16 of fma(g, n, lane) / C
//   dx       = fma(-b, n, g - a) * rstd
//   dgain    = chain of fma(dout, n, .) from +0 over the rows in order;   dbias = +0 + dout, rows in order

#include "compute/matrix.hpp"

namespace compute {

/// Inside the root of the variance; GPT-2's.
inline constexpr float layernorm_epsilon = 1e-5f;

/// Normalises each row of x to mean 0 and variance 1, times gain plus bias.
///   out, x: (rows, C); may be the same memory. gain, bias: (C,). means, rstds: (rows,), for the way back.
void layernorm_forward(Matrix out, float* means, float* rstds, ConstMatrix x, const float* gain,
                       const float* bias) noexcept;

/// The gradients of the above.
///   dx: (rows, C), replaced or added to. dgain, dbias: (C,), written whole. dout, x: (rows, C); dout is not dx.
void layernorm_backward(Matrix dx, Into into, float* dgain, float* dbias, ConstMatrix dout, ConstMatrix x,
                        const float* means, const float* rstds, const float* gain) noexcept;

namespace plain {
void layernorm_forward(Matrix out, float* means, float* rstds, ConstMatrix x, const float* gain,
                       const float* bias) noexcept;
void layernorm_backward(Matrix dx, Into into, float* dgain, float* dbias, ConstMatrix dout, ConstMatrix x,
                        const float* means, const float* rstds, const float* gain) noexcept;
}  // namespace plain

}  // namespace compute
