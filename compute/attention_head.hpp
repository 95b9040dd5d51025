#pragma once

// Where one head of one sequence lies in the arrays of compute/attention.hpp. For the bodies of attention only.

#include <array>
#include <cmath>
#include <cstddef>

#include "compute/attention.hpp"
#include "compute/matrix.hpp"

namespace compute {

/// Views of one (sequence, head): T rows of D channels each, and their statistics.
struct AttentionHead {
  AttentionHead(const AttentionShape& shape, std::size_t b, std::size_t h)
      : T(shape.T),
        C(shape.C),
        D(shape.head_channels()),
        row(b * shape.T),
        channel(h * D),
        index(b * shape.H + h),
        first_of_group(h % shape.group() == 0),
        stride(shape.qkv_channels()),
        channels{channel, shape.C + h / shape.group() * D, shape.C + shape.kv_channels() + h / shape.group() * D} {}

  /// Rows [first, first + rows) of q (0), k (1) or v (2), or of their gradients.
  template <class Float>
  auto part(Float* qkv, std::size_t which, std::size_t first, std::size_t rows) const noexcept {
    return view(qkv + (row + first) * stride + channels[which], rows, D, stride);
  }
  /// Rows [first, first + rows) of the output, or of its gradient.
  template <class Float>
  auto output(Float* out, std::size_t first, std::size_t rows) const noexcept {
    return view(out + (row + first) * C + channel, rows, D, C);
  }
  /// The largest score of each position, and what its exponentials are multiplied by.
  template <class Float>
  Float* maxima(Float* statistics) const noexcept {
    return statistics + index * 2 * T;
  }
  template <class Float>
  Float* factors(Float* statistics) const noexcept {
    return maxima(statistics) + T;
  }

  static Matrix view(float* data, std::size_t rows, std::size_t columns, std::size_t stride) noexcept {
    return {data, rows, columns, stride};
  }
  static ConstMatrix view(const float* data, std::size_t rows, std::size_t columns, std::size_t stride) noexcept {
    return {data, rows, columns, stride};
  }

  std::size_t T, C, D;
  std::size_t row, channel, index;
  bool first_of_group;                  ///< the first of the heads that share keys and values
  std::size_t stride;                   ///< of qkv
  std::array<std::size_t, 3> channels;  ///< where q, k and v of this head begin in a row of qkv
};

/// f32(1 / sqrt(D)), the root and the quotient rounded in double.
inline float attention_scale(const AttentionShape& shape) noexcept {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.head_channels())));
}

}  // namespace compute
