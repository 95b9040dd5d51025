#pragma once

// A random order as a function: a permutation of [0, count) that holds no list, so that a billion documents can be
// shuffled in the memory of a dozen numbers. Fixed for ever: the orders of runs depend on every bit of it.
//
// A balanced Feistel network over 2h bits, h >= 3 being the smallest with 4^h >= count; where its value is not below
// count it is applied again, until it is (less than four times on average from 17 elements on). In numbers of 64 bits,
// that wrap around:
//
//   finalise(x):  x ^= x >> 30;  x *= 0xBF58476D1CE4E5B9;  x ^= x >> 27;  x *= 0x94D049BB133111EB;  x ^= x >> 31
//   state         = finalise(seed + g) + epoch * g + g,  with g = 0x9E3779B97F4A7C15
//   key[i]        = finalise(finalise(state) + (i + 1) * g),  for i = 0, 1, ... rounds - 1
//   round(x, k):  x = (x ^ k) * 0xBF58476D1CE4E5B9;  x ^= x >> 32;  the upper h bits of x * 0x94D049BB133111EB
//   network(v):   left, right = the upper and lower h bits of v;  for each key: left, right = right, left ^
//   round(right,
//                 key);  v = left and right, left being the upper bits
//
// with 16 rounds up to h = 8 and 8 rounds above. Small networks would make some orders likelier than others: on 16
// elements they have even permutations only, which shows even in the orders of five of them, however many the rounds.
//   Source: Luby & Rackoff 1988; Black & Rogaway 2002, "Ciphers with arbitrary finite domains"; Steele et al. 2014 and
//   Stafford's variant 13 for `finalise`.

#include <array>
#include <cstdint>

namespace io {

class Permutation {
 public:
  /// Any count; of 0 elements nothing can be asked.
  Permutation(std::uint64_t count, std::uint64_t seed, std::uint64_t epoch) noexcept;

  /// The element at `position`. Requires position < count.
  std::uint64_t operator()(std::uint64_t position) const noexcept;

 private:
  static constexpr unsigned rounds_max = 16;

  std::uint64_t network(std::uint64_t value) const noexcept;

  std::uint64_t count_;
  unsigned half_bits_ = 3;
  unsigned rounds_;
  std::array<std::uint64_t, rounds_max> keys_{};
};

}  // namespace io
