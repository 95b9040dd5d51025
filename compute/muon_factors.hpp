#pragma once

// The factors of Muon's elementwise parts. For its bodies only.

#include <algorithm>
#include <cmath>
#include <span>

#include "compute/muon.hpp"

namespace compute {

struct MuonFactors {
  float gradient_scale, clip, momentum, one_minus_momentum, rate, keep;
};

inline MuonFactors muon_factors(const MuonStep& step, std::size_t rows, std::size_t columns,
                                std::size_t outputs) noexcept {
  const std::size_t inputs = outputs == rows ? columns : rows;
  const double shape = std::max(1.0, static_cast<double>(outputs) / static_cast<double>(inputs));
  return {.gradient_scale = step.gradient_scale,
          .clip = step.clip,
          .momentum = static_cast<float>(step.momentum),
          .one_minus_momentum = static_cast<float>(1 - step.momentum),
          .rate = static_cast<float>(step.learning_rate * std::sqrt(shape)),
          .keep = static_cast<float>(1 - step.learning_rate * step.weight_decay)};
}

/// What the look ahead is multiplied with, from the sums of its blocks' squares.
inline float muon_normalizer(std::span<const double> square_sums) noexcept {
  double sum = 0;
  for (const double one : square_sums) sum += one;
  return static_cast<float>(1 / (std::sqrt(sum) + 1e-7));
}

}  // namespace compute
