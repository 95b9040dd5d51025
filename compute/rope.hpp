#pragma once

// Rotary position embedding: the channels of a head in pairs (i, i + D/2), each turned by an angle that grows with the
// position, pair i at its own frequency. What a query and a key then have in common depends on their distance alone.
//   Source: Su et al. 2021, section 3.4.2; pairs and scaling as in Hugging Face's Llama.
//
// The table, as Hugging Face computes it in f32, here with this project's own functions:
//   frequency[i] = f32(theta^(-2i/D))             in double, rounded once; then scaled and rounded again
//   angle        = f32(position) * frequency[i]   an f32 product
//   cos, sin     = those of the angle             in double, rounded once
// The rotation of a pair (a, b), all f32, and its gradient, the rotation back (sin negated):
//   a' = fma(a, cos, -(b * sin))
//   b' = fma(b, cos, a * sin)

#include <cstddef>

#include "compute/matrix.hpp"

namespace compute {

/// How the frequencies are changed for contexts longer than those of the first training.
enum class RopeScaling {
  none,
  linear,  ///< all divided by the factor
  llama3,  ///< low ones divided by the factor, high ones left, those between interpolated
};

/// What the angles depend on besides the position. The last three count for llama3 alone.
struct RopeAngles {
  double theta = 10000;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1;
  double low_frequency_factor = 1;
  double high_frequency_factor = 4;
  double original_positions = 8192;

  friend bool operator==(const RopeAngles&, const RopeAngles&) = default;
};

/// The table for positions [0, positions) of heads of D channels: a row of D floats each, D/2 cosines, then D/2 sines.
/// Kept once per process for each set of arguments and never freed: a pass asks for it anew. Any thread may call.
///   Requires D even. 8 MiB for 32,768 positions of 64 channels.
const float* rope_table(const RopeAngles& angles, std::size_t D, std::size_t positions) noexcept;

/// Which way to turn: forward, or back for gradients.
enum class Turn : bool { forward, back };

/// Turns each head of each row, in place.
///   x: (rows, heads * D); row r is at position first_position + r % T. table: of `rope_table`.
void rope_rotate(Matrix x, const float* table, std::size_t D, std::size_t T, std::size_t first_position,
                 Turn turn) noexcept;

namespace plain {
void rope_rotate(Matrix x, const float* table, std::size_t D, std::size_t T, std::size_t first_position,
                 Turn turn) noexcept;
}  // namespace plain

}  // namespace compute
