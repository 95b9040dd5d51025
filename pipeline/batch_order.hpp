#pragma once

// In which order the micro-batches of a step are begun. The gradients of 2 i and 2 i + 1 are added first, and the
// second one while it is computed if the first one is there; then the sums of two such neighbours. Begun one after the
// other, two cores in step have a neighbour each, and all additions are left to the core that is a little later.

#include <algorithm>
#include <cstddef>

namespace pipeline {

/// Neighbours that a core gets one after the other where as many runs of them are begun together as there are cores: a
/// power of two, so that they become one gradient before it meets others. In lean gradient memory a core has log2(run)
/// gradients that wait, beside the one it computes, and no core may wait for a buffer: four for two cores, two for
/// three and four, and for more the order of indices.
inline std::size_t run_length(std::size_t runs) noexcept {
  constexpr std::size_t waiting_max = 4;  // the depth of a sum of twelve
  return std::size_t{1} << waiting_max / runs;
}

/// visit(index) for [0, count): of every `runs` runs the first ones, then the second ones, and so on; shorter runs at
/// the end. 1: the order of indices.
template <class Visit>
void for_each_in_runs(std::size_t count, std::size_t runs, const Visit& visit) {
  for (std::size_t first = 0, end; first < count; first = end) {
    std::size_t length = run_length(runs);
    while (length > 2 && first + length * runs > count) length /= 2;
    end = std::min(first + length * runs, count);
    for (std::size_t part = 0; part < length; ++part)
      for (std::size_t index = first + part; index < end; index += length) visit(index);
  }
}

}  // namespace pipeline
