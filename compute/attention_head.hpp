#pragma once

// Where one head of one sequence lies in the arrays of compute/attention.hpp. For the bodies of attention only.

#include <cmath>
#include <cstddef>

#include "compute/attention.hpp"
#include "compute/matrix.hpp"

namespace compute {

/// Views of one (sequence, head): T rows of D channels each, and T x T of probabilities.
struct AttentionHead {
  AttentionHead(const AttentionShape& shape, std::size_t b, std::size_t h)
      : T(shape.T), C(shape.C), D(shape.C / shape.H), row(b * shape.T), channel(h * D), index(b * shape.H + h) {}

  /// Rows [first, first + rows) of q (0), k (1) or v (2), or of their gradients.
  template <class Float>
  auto part(Float* qkv, std::size_t which, std::size_t first, std::size_t rows) const noexcept {
    return view(qkv + (row + first) * 3 * C + which * C + channel, rows, D, 3 * C);
  }
  /// Rows [first, first + rows) of the output, or of its gradient.
  template <class Float>
  auto output(Float* out, std::size_t first, std::size_t rows) const noexcept {
    return view(out + (row + first) * C + channel, rows, D, C);
  }
  /// The T x T floats of this head.
  template <class Float>
  Float* square(Float* probabilities) const noexcept {
    return probabilities + index * T * T;
  }

  static Matrix view(float* data, std::size_t rows, std::size_t columns, std::size_t stride) noexcept {
    return {data, rows, columns, stride};
  }
  static ConstMatrix view(const float* data, std::size_t rows, std::size_t columns, std::size_t stride) noexcept {
    return {data, rows, columns, stride};
  }

  std::size_t T, C, D;
  std::size_t row, channel, index;
};

/// f32(1 / sqrt(D)), the root and the quotient rounded in double.
inline float attention_scale(const AttentionShape& shape) noexcept {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.C / shape.H)));
}

}  // namespace compute
