#pragma once

// The gradient of a bias: the sum of a matrix's rows.

#include "compute/matrix.hpp"

namespace compute {

/// out[c] = +0 + x[0][c] + x[1][c] + ..., rows in order. Vector lanes run along c.
///   out: x.columns floats, written whole.
void column_sums(float* out, ConstMatrix x) noexcept;

namespace plain {
void column_sums(float* out, ConstMatrix x) noexcept;
}  // namespace plain

}  // namespace compute
