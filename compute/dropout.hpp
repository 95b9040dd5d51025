#pragma once

// Dropout by counter-based random numbers: whether an element is kept can be computed at any time and by anybody, so
// the way back asks again and nothing is stored.
//
// Element i of a place takes word (i % 64) / 16 of the block of Philox (compute/random.hpp) with the seed as key and
// the counter (i / 64 * 16 + i % 16, micro-batch, step, place * 256 + purpose): vectors of up to 16 lanes have their
// words side by side. It is kept where the word is at least f64(rate) * 2^32, rounded down; kept elements are
// multiplied by f32(1 / (1 - f64(rate))).

#include <cstddef>

#include "compute/objective.hpp"

namespace compute {

/// out[i] = x[i] * factor, or +0, for i < count < 2^34. out may be x.
///   place: tells the dropouts of one pass apart, below 2^24.
void dropout(float* out, const float* x, std::size_t count, const Dropout& dropout, std::uint32_t place) noexcept;

namespace plain {
void dropout(float* out, const float* x, std::size_t count, const Dropout& dropout, std::uint32_t place) noexcept;
}  // namespace plain

}  // namespace compute
