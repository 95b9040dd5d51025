#pragma once

// Views of f32 matrices. A view owns nothing; whoever made it keeps the memory alive.

#include <cstddef>
#include <span>

namespace compute {

/// A row-major f32 matrix that is read: element (row, column) is data[row * stride + column].
///   Requires stride >= columns. No alignment is required.
struct ConstMatrix {
  const float* data;
  std::size_t rows;
  std::size_t columns;
  std::size_t stride;
};

/// The same, written.
struct Matrix {
  float* data;
  std::size_t rows;
  std::size_t columns;
  std::size_t stride;

  operator ConstMatrix() const noexcept { return {data, rows, columns, stride}; }
};

/// A matrix whose rows follow each other without a gap.
inline Matrix dense(float* data, std::size_t rows, std::size_t columns) noexcept {
  return {data, rows, columns, columns};
}
inline ConstMatrix dense(const float* data, std::size_t rows, std::size_t columns) noexcept {
  return {data, rows, columns, columns};
}

/// Whether a result replaces what is there or is added to it (there + result).
enum class Into : bool { replaced, added };

}  // namespace compute
