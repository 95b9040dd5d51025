#pragma once

// Reductions other than products, in an order that no vector width changes: 16 virtual lanes and one fixed fold. Lane i
// takes elements i, i + 16, i + 32, ... in order; then lane i takes lane i + 8 for i < 8, lane i + 4 for i < 4, and so
// on to lane 0. compute/simd_lanes-inl.hpp does the same with vectors of 1 to 16 lanes.

#include <array>
#include <cstddef>
#include <span>

namespace compute {

inline constexpr std::size_t virtual_lanes = 16;

namespace plain {

/// A sum under way. Lanes start from +0.
class Sum16 {
 public:
  /// Adds element i of the sequence: lane += x.
  void add(std::size_t i, float x) noexcept { lane_[i % virtual_lanes] += x; }
  /// Adds the product of elements i, fused: lane = fma(a, b, lane).
  void add_product(std::size_t i, float a, float b) noexcept;
  /// The lanes folded into one.
  float fold() const noexcept;

 private:
  std::array<float, virtual_lanes> lane_{};
};

/// The sum of x. +0 for none.
float sum16(std::span<const float> x) noexcept;

/// The largest of x, by `candidate > largest ? candidate : largest` from -infinity; NaNs are passed over. Among zeros
/// of both signs the first of its lane, and of the fold, is kept.
float max16(std::span<const float> x) noexcept;

}  // namespace plain

}  // namespace compute
