#pragma once

// Matrices for tests: any stride, any misalignment, surrounded by floats that nobody may write.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "compute/matrix.hpp"

namespace tests {

/// Normal-looking numbers of both signs with some zeros, and now and then one large or tiny.
inline void fill_with_numbers(std::vector<float>& x, std::uint32_t seed) {
  std::mt19937 random(seed);
  for (float& value : x) {
    const float uniform = static_cast<float>(random() >> 8) * 0x1p-23f - 1;
    const unsigned kind = random() % 64;
    value = kind == 0 ? 0.0f : kind == 1 ? -0.0f : kind == 2 ? uniform * 1e4f : kind == 3 ? uniform * 1e-30f : uniform;
  }
}

/// A matrix inside an array that is otherwise filled with a pattern. The array ends `shift` floats behind the matrix'
/// last element, so that address sanitizer sees reads far past it.
class GuardedMatrix {
 public:
  GuardedMatrix(std::size_t rows, std::size_t columns, std::size_t padding, std::size_t shift)
      : rows_(rows),
        columns_(columns),
        stride_(columns + padding),
        shift_(shift),
        floats_(2 * shift + (rows == 0 ? 0 : (rows - 1) * stride_ + columns), guard()) {}

  void fill(std::uint32_t seed) {
    std::vector<float> values(rows_ * columns_);
    fill_with_numbers(values, seed);
    for (std::size_t i = 0; i < rows_; ++i) {
      for (std::size_t j = 0; j < columns_; ++j) at(i, j) = values[i * columns_ + j];
    }
  }

  compute::Matrix view() { return {floats_.data() + shift_, rows_, columns_, stride_}; }
  compute::ConstMatrix view() const { return {floats_.data() + shift_, rows_, columns_, stride_}; }
  float& at(std::size_t i, std::size_t j) { return floats_[shift_ + i * stride_ + j]; }
  const std::vector<float>& floats() const { return floats_; }  ///< the guards too

 private:
  static float guard() { return std::bit_cast<float>(0x7fc0beefU); }

  std::size_t rows_, columns_, stride_, shift_;
  std::vector<float> floats_;
};

}  // namespace tests
