#pragma once

// Rows cut into documents at random.

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace tests {

/// (B, T): where each position's document begins in its row. A position begins one with the probability `border`.
inline std::vector<std::uint32_t> random_documents(std::size_t B, std::size_t T, std::uint32_t seed, double border) {
  std::mt19937 random(seed);
  const double limit = border * 0x1p32;
  std::vector<std::uint32_t> first(B * T);
  for (std::size_t b = 0; b < B; ++b) {
    std::uint32_t begin = 0;
    for (std::uint32_t t = 0; t < T; ++t) {
      if (t > 0 && random() < limit) begin = t;
      first[b * T + t] = begin;
    }
  }
  return first;
}

}  // namespace tests
