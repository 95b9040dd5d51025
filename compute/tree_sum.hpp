#pragma once

// The sum of up to twelve gradients in one pass, associated as the sum tree says: what a sphere does with the gradients
// of its children when all of them wait in memory, and what the last gradient of a step leaves on its way to the root.
// The same bits as adding them two by two (`add` in compute/adamw.hpp).

#include <cstddef>
#include <span>

namespace compute {

/// Gradients that one pass adds at most: as many streams as the hardware follows well.
inline constexpr std::size_t tree_sum_max = 12;

/// out[i] = the sum of rows[0][i], rows[1][i], ... A row of m splits at the largest power of two below m; each half is
/// summed likewise, then left + right.
///   rows: 1 to `tree_sum_max` pointers to out.size() floats each.   out may be one of them.
///   Streams at one offset in a page are added slowly: rows should lie a page and a line apart in turn.
void tree_sum(std::span<float> out, std::span<const float* const> rows) noexcept;

/// out[i] = (rows[0][i] + rows[1][i]) + rows[2][i], and so on: the sums on one way to the tree's root. The same terms.
void chain_sum(std::span<float> out, std::span<const float* const> rows) noexcept;

namespace plain {
void tree_sum(std::span<float> out, std::span<const float* const> rows) noexcept;
void chain_sum(std::span<float> out, std::span<const float* const> rows) noexcept;
}  // namespace plain

}  // namespace compute
