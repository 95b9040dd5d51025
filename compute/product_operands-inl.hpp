// The operands of a matrix product as the micro-kernel meets them: groups of rows of a and panels of columns of b, over
// one block of k, packed or where they lie. For compute/product_simd.cpp only, once per target.

#if defined(ICOSA_COMPUTE_PRODUCT_OPERANDS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_PRODUCT_OPERANDS_INL
#undef ICOSA_COMPUTE_PRODUCT_OPERANDS_INL
#else
#define ICOSA_COMPUTE_PRODUCT_OPERANDS_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "compute/product_call.hpp"
#include "compute/product_kernel-inl.hpp"
#include "compute/product_pack-inl.hpp"

#if HWY_NATIVE_FMA  // the portable targets run the plain forms
HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// Rows [first, first + rows) of a group, and where their elements of the block of k are.
struct RowsOfA {
  std::size_t first, rows;
  const float* data;
  std::size_t row, step;
};

inline constexpr std::size_t groups_max = (block_rows_max + tile_rows_max - 1) / tile_rows_max;

/// A block of rows cut into groups as equal as can be, so that no kernel runs with too few chains to hide its latency.
struct BlockOfA {
  RowsOfA groups[groups_max];
  std::size_t count;
  Layout layout;
};

/// Below this many panels of b, a is read where it lies: packing costs as much as a panel's arithmetic gains by it.
inline constexpr std::size_t packing_panels_min = 3;
/// Below this many groups of rows, whole panels of a stored b are read where they lie.
inline constexpr std::size_t packing_groups_min = 3;

/// From this size on b is asked for before it is packed.
inline constexpr std::size_t asking_b_floats_min = 128 << 10;
/// And from this many groups of rows on: with fewer the asking takes as long as it saves.
inline constexpr std::size_t asking_groups_min = 8;

/// Vectors of b packed together.
inline constexpr std::size_t panel_vectors_sum = packed_columns_max / product_lanes;

/// Cuts rows [first, first + rows), at most block_rows_max of them, into groups.
inline void CutRows(BlockOfA& block, std::size_t first, std::size_t rows) {
  block.count = (rows + tile_rows_max - 1) / tile_rows_max;
  for (std::size_t g = 0; g < block.count; ++g) {
    const std::size_t begin = rows * g / block.count, end = rows * (g + 1) / block.count;
    block.groups[g].first = first + begin;
    block.groups[g].rows = end - begin;
  }
}

/// Points the groups at a as it lies in memory, from step k on.
inline void PointAtA(BlockOfA& block, const Product& product, std::size_t k) {
  const ConstMatrix& a = product.a;
  const bool stored = product.a_as == As::stored;
  block.layout = stored ? Layout::steps_adjacent : Layout::rows_adjacent;
  for (std::size_t g = 0; g < block.count; ++g) {
    RowsOfA& group = block.groups[g];
    group.data = stored ? a.data + group.first * a.stride + k : a.data + k * a.stride + group.first;
    group.row = stored ? a.stride : 1;
    group.step = stored ? 1 : a.stride;
  }
}

/// Packs the groups' rows over steps [k, k + depth) into `to`, one group after the other, and points the groups there.
inline void PackA(BlockOfA& block, const Product& product, std::size_t k, std::size_t depth, float* to) {
  PointAtA(block, product, k);
  for (std::size_t g = 0; g < block.count; ++g) {
    RowsOfA& group = block.groups[g];
    const std::size_t whole = (group.rows + product_lanes - 1) / product_lanes * product_lanes;
    const std::size_t step = group.rows <= product_lanes ? group.rows : whole;
    if (block.layout == Layout::steps_adjacent) {
      PackTransposed(to, step, group.data, group.row, group.rows, depth);
    } else {
      PackStored(to, step, group.data, group.step, group.rows, depth);
    }
    group.data = to;
    group.row = 1;
    group.step = step;
    to += step * depth + pack_spill;
  }
  block.layout = Layout::rows_adjacent;
}

/// How many vectors wide the next panel is, for `columns` left: two, more where there are few rows, one at the end.
inline std::size_t PanelVectors(std::size_t columns, std::size_t rows_max, Layout layout) {
  for (std::size_t vectors = tile_vectors_max; vectors > tile_vectors; vectors /= 2) {
    if (columns >= vectors * product_lanes && TileFunction(rows_max, vectors, layout) != nullptr) return vectors;
  }
  return columns > product_lanes ? tile_vectors : 1;
}

/// What will be packed of b next, asked for a few cache lines at a time while others are multiplied: packing would
/// otherwise wait for memory, 5-8 % of a product whose b is larger than the second-level cache.
class Upcoming {
 public:
  Upcoming() = default;
  /// Columns from j on over one block of k from k on.
  Upcoming(const Product& product, std::size_t j, std::size_t k) {
    const ConstMatrix& b = product.b;
    if (j >= product.out.columns || k >= product.depth()) return;
    const std::size_t columns = HWY_MIN(packed_columns_max, product.out.columns - j);
    const std::size_t steps = HWY_MIN(product_block, product.depth() - k);
    const bool stored = product.b_as == As::stored;
    const float* first = stored ? b.data + k * b.stride + j : b.data + j * b.stride + k;
    row_ = reinterpret_cast<const char*>(first);
    stride_ = b.stride * sizeof(float);
    row_bytes_ = (stored ? columns : steps) * sizeof(float);
    rows_left_ = stored ? steps : columns;
  }
  std::size_t lines() const { return rows_left_ * (row_bytes_ / line_bytes + 1); }
  HWY_INLINE void Ask(std::size_t lines) {
    for (; lines > 0 && rows_left_ > 0; --lines) {
      hwy::Prefetch(row_ + offset_);
      offset_ += line_bytes;
      if (offset_ < row_bytes_) continue;
      offset_ = 0;
      row_ += stride_;
      --rows_left_;
    }
  }

 private:
  static constexpr std::size_t line_bytes = 64;
  const char* row_ = nullptr;
  std::size_t stride_ = 0, row_bytes_ = 0, rows_left_ = 0, offset_ = 0;
};

/// A panel of b, `vectors` vectors wide, over one block of k.
struct PanelOfB {
  std::size_t first, columns, vectors;
  const float* data;
  std::size_t step;
};

/// Cuts the next panel of columns, and packs it into `to` unless it is read where it lies.
inline PanelOfB TakePanel(const Product& product, const BlockOfA& block, std::size_t j, std::size_t k,
                          std::size_t depth, float* to) {
  const ConstMatrix& b = product.b;
  const std::size_t left = product.out.columns - j;
  PanelOfB panel;
  panel.first = j;
  panel.vectors = PanelVectors(left, block.groups[block.count - 1].rows, block.layout);
  const std::size_t width = panel.vectors * product_lanes;
  panel.columns = std::min(width, left);
  panel.data = to;
  panel.step = width;
  if (product.b_as == As::transposed) {
    PackTransposed(to, width, b.data + j * b.stride + k, b.stride, panel.columns, depth);
  } else if (panel.columns < width || block.count >= packing_groups_min) {
    PackStored(to, width, b.data + k * b.stride + j, b.stride, panel.columns, depth);
  } else {
    panel.data = b.data + k * b.stride + j;
    panel.step = b.stride;
  }
  return panel;
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();
#endif

#endif
