#pragma once

// Muon: momentum whose direction is orthogonalized, for the matrices between the embeddings and the head. A matrix is
// one piece of work; whoever has a core takes the next one, and the bits are the same.
//
// The arithmetic of one matrix of R rows and C columns, f32 where nothing is said:
//   g = (gradient * gradient_scale) * clip
//   m = fma(1 - momentum, g - m, m)
//   u = fma(momentum, m - g, g)                          Nesterov's look ahead
//   X = u * f32(1 / (sqrt(sum of squares of u, in double, in blocks of norm_block) + 1e-7))
//   five times:
//     A = X X^T (or X^T X where R > C: the smaller one)  compute/product.hpp
//     S = fma(c, A A, b * A)
//     X = fma(a, X, S X) (or X S)
//   w = fma(-rate, X, w * keep)                          keep = 1 - learning_rate * weight_decay
// with (a, b, c) = (3.4445, -4.7750, 2.0315) and rate = learning_rate * sqrt(max(1, outputs / inputs)).
//
// A and A A are symmetric to the bit, products commute; so half of them is computed and mirrored.
// Source: K. Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks", and its released code,
// which takes the products in bfloat16.

#include <cstddef>

#include "compute/matrix.hpp"

namespace compute {

struct MuonStep {
  double learning_rate = 0.02;
  double momentum = 0.95;
  double weight_decay = 0.01;
  float gradient_scale = 1;  ///< 1 / targets in the step
  float clip = 1;            ///< further factor <= 1 from clipping by the global norm
};

inline constexpr int newton_schulz_rounds = 5;
inline constexpr float newton_schulz_a = 3.4445f, newton_schulz_b = -4.7750f, newton_schulz_c = 2.0315f;

/// Floats of scratch memory for `muon_update` of a matrix.
std::size_t muon_scratch_floats(std::size_t rows, std::size_t columns) noexcept;

/// Updates a matrix and its momentum in place. All three have the same shape.
///   outputs: the extent (rows or columns) that is the layer's output.
///   scratch: muon_scratch_floats floats, 64-byte aligned, of any content.
void muon_update(Matrix weights, Matrix momentum, ConstMatrix gradient, std::size_t outputs, const MuonStep& step,
                 float* scratch) noexcept;

namespace plain {
/// The definition; allocates.
void muon_update(Matrix weights, Matrix momentum, ConstMatrix gradient, std::size_t outputs, const MuonStep& step);
}  // namespace plain

}  // namespace compute
