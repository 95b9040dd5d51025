#pragma once

// Choosing the next token from logits.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace compute {

struct Sampling {
  double temperature = 1;  ///< 0: the most likely token, the lowest id among equals
  std::size_t top_k = 0;   ///< 0: all
  double top_p = 1;        ///< keep the smallest set of most likely tokens whose probabilities reach this
};

/// The id chosen for `uniform` in [0, 1). Candidates are ordered by falling logit, then rising id.
///   Source for top_p: Holtzman et al. 2020, section 3.1.
std::int32_t sample(std::span<const float> logits, const Sampling& sampling, double uniform);

}  // namespace compute
