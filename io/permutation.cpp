#include "io/permutation.hpp"

#include <cassert>

namespace io {
namespace {

constexpr std::uint64_t golden = 0x9E3779B97F4A7C15u;
constexpr std::uint64_t multiplier1 = 0xBF58476D1CE4E5B9u;
constexpr std::uint64_t multiplier2 = 0x94D049BB133111EBu;
constexpr unsigned small_half_bits = 8;

constexpr std::uint64_t finalise(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * multiplier1;
  x = (x ^ (x >> 27)) * multiplier2;
  return x ^ (x >> 31);
}

}  // namespace

Permutation::Permutation(std::uint64_t count, std::uint64_t seed, std::uint64_t epoch) noexcept : count_(count) {
  while (half_bits_ < 32 && count > std::uint64_t{1} << (2 * half_bits_)) ++half_bits_;
  rounds_ = half_bits_ <= small_half_bits ? rounds_max : rounds_max / 2;
  const std::uint64_t state = finalise(finalise(seed + golden) + epoch * golden + golden);
  for (unsigned i = 0; i < rounds_; ++i) keys_[i] = finalise(state + (i + 1) * golden);
}

std::uint64_t Permutation::operator()(std::uint64_t position) const noexcept {
  assert(position < count_);
  std::uint64_t value = network(position);
  while (value >= count_) value = network(value);
  return value;
}

std::uint64_t Permutation::network(std::uint64_t value) const noexcept {
  // Every round waits for the one before: about 11 cycles each, most of them in the two multiplications.
  const unsigned shift = 64 - half_bits_;
  std::uint64_t left = value >> half_bits_;
  std::uint64_t right = value & (~std::uint64_t{0} >> shift);
  for (unsigned i = 0; i < rounds_; ++i) {
    std::uint64_t mixed = (right ^ keys_[i]) * multiplier1;
    mixed ^= mixed >> 32;
    const std::uint64_t new_right = left ^ (mixed * multiplier2 >> shift);
    left = right;
    right = new_right;
  }
  return left << half_bits_ | right;
}

}  // namespace io
