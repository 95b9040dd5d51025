#pragma once

// Matrix products, the bulk of a training step. Every element is one chain of fused multiply-adds over k, cut into
// blocks of `product_block`; the blocks' sums are added in order. Vector lanes run along the columns of the result, so
// the bits of an element depend on nothing but its own row of `a` and column of `b`: not on the tiling, the split of
// rows or columns, the width of the vectors or the thread (docs/arithmetic.md).

#include <cstddef>

#include "compute/matrix.hpp"

namespace compute {

/// Length of one chain of fused multiply-adds; part of the arithmetic's version.
inline constexpr std::size_t product_block = 256;

/// Whether an operand is used as it lies in memory or transposed.
enum class As : bool { stored, transposed };

/// Floats of scratch memory that `multiply` needs for packing, whatever the shape. One scratch per thread.
extern const std::size_t product_scratch_floats;

/// out = op(a) op(b) + bias.
///   out: (M, N); op(a): (M, K); op(b): (K, N); f32. out overlaps neither operand.
///   bias: N floats, added to each row after the product's last block, or nullptr.
///   With K == 0 the product is +0. Never fails, allocates nothing.
///   element = fma chain from +0 over k in [0, 256), plus the chain of [256, 512), ... in order; then plus bias.
///   scratch: product_scratch_floats floats of any alignment and content.
///   A machine without fused multiply-adds runs the plain form.
void multiply(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as, const float* bias, float* scratch) noexcept;

/// out = out + op(a) op(b): the chain of each block of k is added to what is there, in order. A product may so be
/// taken in pieces: cut K at multiples of `product_block`, `multiply` the first piece and `multiply_add` the others in
/// order, and the bits are those of one product over the whole K. With K == 0 nothing happens.
void multiply_add(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as, float* scratch) noexcept;

namespace plain {
/// The definitions: three loops and `std::fma`. Same arguments and bits as above; need no scratch.
void multiply(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as, const float* bias) noexcept;
void multiply_add(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as) noexcept;
}  // namespace plain

}  // namespace compute
