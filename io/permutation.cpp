#include "io/permutation.hpp"

#include <cassert>
#include <utility>

namespace io {
namespace {

std::uint64_t mix(std::uint64_t value) noexcept {
  value += 0x9E3779B97F4A7C15u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

}  // namespace

Permutation::Permutation(std::uint64_t count, std::uint64_t seed, std::uint64_t epoch) : count_(count) {
  assert(count <= std::uint64_t{1} << 62);
  while (half_bits_ < 31 && (std::uint64_t{1} << (2 * half_bits_)) < count) ++half_bits_;
  std::uint64_t state = mix(seed) ^ mix(~epoch);
  if (count <= listed_max) {
    list_.resize(count);
    for (std::uint64_t i = 0; i < count; ++i) list_[i] = static_cast<std::uint16_t>(i);
    for (std::uint64_t left = count; left > 1; --left) {
      state = mix(state);
      const std::uint64_t chosen = (state >> 32) * left >> 32;  // uneven by one part in 65,536 at most
      std::swap(list_[left - 1], list_[chosen]);
    }
  }
  for (std::uint64_t& key : keys_) key = state = mix(state);
}

std::uint64_t Permutation::operator()(std::uint64_t position) const noexcept {
  assert(position < count_);
  if (!list_.empty()) return list_[position];
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t value = position;
  do {
    std::uint64_t left = value >> half_bits_;
    std::uint64_t right = value & mask;
    for (const std::uint64_t key : keys_) {
      const std::uint64_t mixed = left ^ (mix(right ^ key) & mask);
      left = right;
      right = mixed;
    }
    value = (left << half_bits_) | right;
  } while (value >= count_);
  return value;
}

}  // namespace io
