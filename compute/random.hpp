#pragma once

// Counter-based random numbers: a value is a function of what it is for, never of who asked before. Philox4x32-10.
//   Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".

#include <array>
#include <cstdint>

namespace compute {

/// What a number is for; keeps uses apart under one seed. Values are part of the arithmetic's version.
enum class RandomPurpose : std::uint32_t { initialization = 1, shuffle = 2, sampling = 3, dropout = 4 };

/// Four 32-bit numbers for a key and a 128-bit counter.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 2> key, std::array<std::uint32_t, 4> counter) noexcept;

/// A stream of numbers under (seed, purpose, site); element i can be had in any order.
///   `site` tells streams of one purpose apart: tensor index, epoch, or sample.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint32_t site) noexcept;

  /// 64 random bits of element i, i < 2^62.
  std::uint64_t bits(std::uint64_t element) const noexcept;
  /// Uniform in [0, 1), 53 bits.
  double uniform(std::uint64_t element) const noexcept;
  /// Uniform integer in [0, bound), without bias beyond 2^-64 * bound. Requires bound > 0.
  std::uint64_t below(std::uint64_t element, std::uint64_t bound) const noexcept;
  /// Standard normal, by Box-Muller with the functions of compute/scalar_math.hpp.
  double normal(std::uint64_t element) const noexcept;
  /// The normals of elements 2 * index and 2 * index + 1, for the price of one.
  std::array<double, 2> normal_pair(std::uint64_t index) const noexcept;

 private:
  /// The bits of elements 2 * index and 2 * index + 1: one block of Philox.
  std::array<std::uint64_t, 2> pair(std::uint64_t index) const noexcept;

  std::array<std::uint32_t, 2> key_;
  std::uint32_t purpose_;
  std::uint32_t site_;
};

}  // namespace compute
