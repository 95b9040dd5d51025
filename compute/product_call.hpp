#pragma once

// One call of a matrix product and how its scratch is laid out. For the bodies of products only.

#include <algorithm>
#include <cstddef>

#include "compute/matrix.hpp"
#include "compute/product.hpp"

namespace compute {

/// out = op(a) op(b) + bias, or with `add` out + op(a) op(b).
struct Product {
  Matrix out;
  ConstMatrix a;
  As a_as;
  ConstMatrix b;  ///< where it is packed, (K, N) without data, its stride the steps of a panel
  As b_as;
  const float* packed;  ///< b as PackedMatrix has it, or nullptr
  const float* bias;
  bool add;
  Store store;  ///< streamed: rows of the result begin at multiples of 64 bytes
  float* scratch;
  Epilogue epilogue = {};
  std::size_t b_steps_behind = 0;   ///< steps of k that b goes on for, which the next product needs
  std::size_t b_floats_behind = 0;  ///< behind a b that is packed, that the next product needs

  std::size_t depth() const noexcept { return a_as == As::stored ? a.columns : a.rows; }
};

/// The epilogue of a result that stands as a whole.
inline void finish(const Matrix& out, const Epilogue& epilogue) noexcept {
  for (std::size_t i = 0; epilogue.residual.data != nullptr && i < out.rows; ++i) {
    for (std::size_t j = 0; j < out.columns; ++j)
      out.data[i * out.stride + j] += epilogue.residual.data[i * epilogue.residual.stride + j];
  }
  for (std::size_t j = 0; epilogue.for_each && j < out.columns; j += epilogue_columns) {
    epilogue.for_each({0, out.rows, j, std::min(epilogue_columns, out.columns - j)});
  }
}

/// Rows of a that stay in L2, packed, while all of b passes: 256 KiB of each block of k.
inline constexpr std::size_t block_rows_max = 256;
/// Steps of k that a is packed for at a time: 1 MiB.
inline constexpr std::size_t a_depth_max = 4 * product_block;
/// Results of a block of rows up to this many stay near between one block of k and the next: 1 MiB.
inline constexpr std::size_t resident_floats_max = 256 << 10;
/// Columns of b packed before each group of rows of a meets them all: 128 KiB. With fewer the result is walked in short
/// pieces of rows far apart, which at 50,257 columns waits for memory (64 -> 82 % of peak with AVX2, 76 -> 81 AVX-512).
inline constexpr std::size_t packed_columns_max = epilogue_columns;

/// Packed a: groups of rows are rounded up to whole vectors where these are short, and have a spill each.
inline constexpr std::size_t a_scratch_floats = (block_rows_max + 64) * a_depth_max;
inline constexpr std::size_t b_scratch_floats = packed_columns_max * product_block;
inline constexpr std::size_t alignment_floats = 16;

}  // namespace compute
