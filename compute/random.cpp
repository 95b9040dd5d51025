#include "compute/random.hpp"

#include <cassert>
#include <cmath>

#include "compute/scalar_math.hpp"

namespace compute {

namespace {

__extension__ typedef unsigned __int128 Wide;

std::uint32_t high_half(std::uint64_t product) noexcept {
  return static_cast<std::uint32_t>(product >> 32);
}
std::uint32_t low_half(std::uint64_t product) noexcept {
  return static_cast<std::uint32_t>(product);
}

/// The upper 53 of 64 bits as a fraction in [0, 1).
double fraction(std::uint64_t bits) noexcept {
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 2> key, std::array<std::uint32_t, 4> counter) noexcept {
  constexpr int rounds = 10;
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t first = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t second = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {high_half(second) ^ counter[1] ^ key[0], low_half(second), high_half(first) ^ counter[3] ^ key[1],
               low_half(first)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

RandomStream::RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint32_t site) noexcept
    : key_{low_half(seed), high_half(seed)}, purpose_(static_cast<std::uint32_t>(purpose)), site_(site) {}

std::array<std::uint64_t, 2> RandomStream::pair(std::uint64_t index) const noexcept {
  const auto words = philox(key_, {low_half(index), high_half(index), site_, purpose_});
  return {(std::uint64_t{words[1]} << 32) | words[0], (std::uint64_t{words[3]} << 32) | words[2]};
}

std::uint64_t RandomStream::bits(std::uint64_t element) const noexcept {
  return pair(element / 2)[element % 2];
}

double RandomStream::uniform(std::uint64_t element) const noexcept {
  return fraction(bits(element));
}

std::uint64_t RandomStream::below(std::uint64_t element, std::uint64_t bound) const noexcept {
  assert(bound > 0);
  return static_cast<std::uint64_t>((Wide{bits(element)} * bound) >> 64);
}

std::array<double, 2> RandomStream::normal_pair(std::uint64_t index) const noexcept {
  const auto [first, second] = pair(index);
  const double radius = std::sqrt(-2 * log(1 - fraction(first)));  // the argument of log lies in (0, 1]
  const double half_turns = 2 * fraction(second);
  return {radius * cos_pi(half_turns), radius * sin_pi(half_turns)};
}

double RandomStream::normal(std::uint64_t element) const noexcept {
  return normal_pair(element / 2)[element % 2];
}

}  // namespace compute
