#pragma once

// In which order the micro-batches of a step are begun. Gradients of 2 i and 2 i + 1 are added first; begun one after
// the other, two cores in step have one of them each, and all additions are left to the core that is a little later.

#include <algorithm>
#include <bit>
#include <cstddef>

namespace pipeline {

/// How many pairs are begun together in lean gradient memory: as many as there are cores, so that each core in step has
/// both gradients of a pair, just written, and its addition. Then two gradients a core are there at a time, and the
/// sums that wait above them; 1, which is the order of indices, where cores would wait for buffers.
inline std::size_t pairs_together(std::size_t cores_count) noexcept {
  return cores_count <= static_cast<std::size_t>(std::bit_width(cores_count)) + 1 ? cores_count : 1;
}

/// visit(index) for [0, count): of each `pairs` pairs the even ones, then the odd ones.
template <class Visit>
void for_each_by_pairs(std::size_t count, std::size_t pairs, const Visit& visit) {
  for (std::size_t first = 0; first < count; first += 2 * pairs) {
    const std::size_t end = std::min(first + 2 * pairs, count);
    for (std::size_t index = first; index < end; index += 2) visit(index);
    for (std::size_t index = first + 1; index < end; index += 2) visit(index);
  }
}

}  // namespace pipeline
