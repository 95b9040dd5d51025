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
  double min_p = 0;        ///< keep tokens that have at least this share of the most likely token's probability
};

/// Makes the tokens `seen` less likely: a positive logit is divided by `penalty`, a negative one multiplied by it. A
/// token that was seen twice counts once.
///   Source: Keskar et al. 2019 (CTRL), section 4.1, as Hugging Face applies it.
void penalize_repetition(std::span<float> logits, std::span<const std::int32_t> seen, float penalty);

/// The id chosen for `uniform` in [0, 1). Candidates are ordered by falling logit, then rising id.
/// The temperature comes first; top_p looks at what top_k leaves, min_p at that.
///   Source for top_p: Holtzman et al. 2020, section 3.1; for min_p: Nguyen et al. 2024, section 3.
std::int32_t sample(std::span<const float> logits, const Sampling& sampling, double uniform);

}  // namespace compute
