#pragma once

// Arrays of reproducible numbers for tests of the arithmetic, and their checksum.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compute/random.hpp"

namespace tests {

/// `count` normal numbers times `deviation`; other numbers for other seeds.
inline std::vector<float> random_floats(std::size_t count, std::uint64_t seed, double deviation = 1) {
  const compute::RandomStream stream(seed, compute::RandomPurpose::sampling, 0);
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(deviation * stream.normal(i));
  return values;
}

/// `count` ids in [0, vocabulary).
inline std::vector<std::int32_t> random_ids(std::size_t count, std::uint64_t seed, std::size_t vocabulary) {
  const compute::RandomStream stream(seed, compute::RandomPurpose::sampling, 1);
  std::vector<std::int32_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = static_cast<std::int32_t>(stream.below(i, vocabulary));
  return ids;
}

/// One number for the bits of an array and their order, by FNV-1a over its 32-bit words.
inline std::uint64_t checksum(std::span<const float> values) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const float value : values) sum = (sum ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001b3;
  return sum;
}

}  // namespace tests
