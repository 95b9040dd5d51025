#include "compute/product.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace compute::plain {

namespace {

/// The chain of fused multiply-adds over k in [first, last) that belongs to element (i, j).
float chain(ConstMatrix a, As a_as, ConstMatrix b, As b_as, std::size_t i, std::size_t j, std::size_t first,
            std::size_t last) {
  float sum = 0;
  for (std::size_t k = first; k < last; ++k) {
    const float left = a_as == As::stored ? a.data[i * a.stride + k] : a.data[k * a.stride + i];
    const float right = b_as == As::stored ? b.data[k * b.stride + j] : b.data[j * b.stride + k];
    sum = std::fma(left, right, sum);
  }
  return sum;
}

std::size_t depth_of(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as) {
  const std::size_t depth = a_as == As::stored ? a.columns : a.rows;
  assert(out.rows == (a_as == As::stored ? a.rows : a.columns));
  assert(out.columns == (b_as == As::stored ? b.columns : b.rows));
  assert(depth == (b_as == As::stored ? b.rows : b.columns));
  return depth;
}

}  // namespace

void multiply(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as, const float* bias) noexcept {
  const std::size_t depth = depth_of(out, a, a_as, b, b_as);
  for (std::size_t i = 0; i < out.rows; ++i) {
    for (std::size_t j = 0; j < out.columns; ++j) {
      float sum = chain(a, a_as, b, b_as, i, j, 0, std::min(depth, product_block));
      for (std::size_t k = product_block; k < depth; k += product_block) {
        sum += chain(a, a_as, b, b_as, i, j, k, std::min(depth, k + product_block));
      }
      if (bias != nullptr) sum += bias[j];
      out.data[i * out.stride + j] = sum;
    }
  }
}

void multiply_add(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as) noexcept {
  const std::size_t depth = depth_of(out, a, a_as, b, b_as);
  for (std::size_t i = 0; i < out.rows; ++i) {
    for (std::size_t j = 0; j < out.columns; ++j) {
      float& sum = out.data[i * out.stride + j];
      for (std::size_t k = 0; k < depth; k += product_block) {
        sum += chain(a, a_as, b, b_as, i, j, k, std::min(depth, k + product_block));
      }
    }
  }
}

void pack(float* to, ConstMatrix b, As b_as, std::size_t first, std::size_t last, std::size_t width) noexcept {
  const bool stored = b_as == As::stored;
  const std::size_t K = stored ? b.rows : b.columns, N = stored ? b.columns : b.rows;
  const std::size_t behind = (N + width - 1) / width * width;
  const std::size_t k_first = stored ? first : 0, k_last = stored ? last : K;
  const std::size_t j_first = stored ? 0 : first, j_last = stored || last == N ? behind : last;
  for (std::size_t j = j_first; j < j_last; ++j) {
    for (std::size_t k = k_first; k < k_last; ++k) {
      const float value = j >= N ? 0 : stored ? b.data[k * b.stride + j] : b.data[j * b.stride + k];
      to[(j / width) * K * width + k * width + j % width] = value;
    }
  }
}

namespace {

/// Calls f(columns of out, panel of b, the first of these columns): a panel is a matrix of its own, as the columns of a
/// product do not know of each other.
template <class F>
void for_each_panel(Matrix out, const PackedMatrix& b, std::size_t width, F f) {
  for (std::size_t j = 0; j < b.N; j += width) {
    const std::size_t columns = std::min(width, b.N - j);
    f(Matrix{out.data + j, out.rows, columns, out.stride}, ConstMatrix{b.data + j * b.panel_steps, b.K, columns, width},
      j);
  }
}

}  // namespace

void multiply(Matrix out, ConstMatrix a, As a_as, const PackedMatrix& b, std::size_t width,
              const float* bias) noexcept {
  for_each_panel(out, b, width, [&](Matrix columns, ConstMatrix panel, std::size_t j) {
    multiply(columns, a, a_as, panel, As::stored, bias == nullptr ? nullptr : bias + j);
  });
}

void multiply_add(Matrix out, ConstMatrix a, As a_as, const PackedMatrix& b, std::size_t width) noexcept {
  for_each_panel(out, b, width, [&](Matrix columns, ConstMatrix panel, std::size_t) {
    multiply_add(columns, a, a_as, panel, As::stored);
  });
}

}  // namespace compute::plain
