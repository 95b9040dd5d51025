// Matrix products with vectors: packing and the order of the loops. Same bits as compute/product.cpp.
//
// M x N x K take 2 M N K flops on M K + K N + M N floats; at widths of 64 and more the multiply-adds are the bound, one
// vector (or two) a cycle. For each block of at most 256 rows and 256 steps of k (256 KiB of a, in L2) the columns are
// walked in panels two vectors wide (16 or 32 KiB of b, in L1), and each panel meets each group of rows of a once.
// Source: Goto & van de Geijn 2008; the panels of b are packed as they are met, not all beforehand.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/product_simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "compute/product.hpp"
#include "compute/product_kernel-inl.hpp"
#include "compute/product_pack-inl.hpp"

#ifndef ICOSA_COMPUTE_PRODUCT_ONCE
#define ICOSA_COMPUTE_PRODUCT_ONCE
namespace compute {
namespace {

/// out (+)= op(a) op(b) + bias.
struct Product {
  Matrix out;
  ConstMatrix a;
  As a_as;
  ConstMatrix b;
  As b_as;
  const float* bias;
  bool add;
  float* scratch;

  std::size_t depth() const { return a_as == As::stored ? a.columns : a.rows; }
};

constexpr std::size_t block_rows_max = 256;
/// Rows of packed a: groups of rows are rounded up to whole vectors where these are short.
constexpr std::size_t a_scratch_floats = (block_rows_max + 64) * product_block;
/// Columns of b packed before each group of rows of a meets them all: 128 KiB. With fewer the result is walked in short
/// pieces of rows far apart, which at 50,257 columns waits for memory (64 -> 84 % of peak with AVX2, 76 -> 82 AVX-512).
constexpr std::size_t packed_columns_max = 128;
constexpr std::size_t b_scratch_floats = packed_columns_max * product_block;
constexpr std::size_t alignment_floats = 16;

}  // namespace
}  // namespace compute
#endif

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

#if HWY_NATIVE_FMA

/// Rows [first, first + rows) of a group, and where their elements of the block of k are.
struct RowsOfA {
  std::size_t first, rows;
  const float* data;
  std::size_t row, step;
};

constexpr std::size_t groups_max = (block_rows_max + tile_rows_max - 1) / tile_rows_max;

/// A block of rows cut into groups as equal as can be, so that no kernel runs with too few chains to hide its latency.
struct BlockOfA {
  RowsOfA groups[groups_max];
  std::size_t count;
  Layout layout;
};

/// Below this many panels of b, a is read where it lies: packing costs as much as a panel's arithmetic gains by it.
constexpr std::size_t packing_panels_min = 3;
/// Below this many groups of rows, whole panels of a stored b are read where they lie.
constexpr std::size_t packing_groups_min = 3;

/// Vectors of b packed together.
constexpr std::size_t panel_vectors_sum = packed_columns_max / product_lanes;

void CutRows(BlockOfA& block, std::size_t first, std::size_t rows) {
  block.count = (rows + tile_rows_max - 1) / tile_rows_max;
  for (std::size_t g = 0; g < block.count; ++g) {
    const std::size_t begin = rows * g / block.count, end = rows * (g + 1) / block.count;
    block.groups[g].first = first + begin;
    block.groups[g].rows = end - begin;
  }
}

/// Points the groups at a as it lies in memory, from step k on.
void PointAtA(BlockOfA& block, const Product& product, std::size_t k) {
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
void PackA(BlockOfA& block, const Product& product, std::size_t k, std::size_t depth, float* to) {
  PointAtA(block, product, k);
  float* place[groups_max];
  for (std::size_t g = 0; g < block.count; ++g) {
    const RowsOfA& group = block.groups[g];
    const std::size_t step =
        group.rows <= product_lanes ? group.rows : (group.rows + product_lanes - 1) / product_lanes * product_lanes;
    place[g] = to;
    if (block.layout == Layout::steps_adjacent) PackTransposed(to, step, group.data, group.row, group.rows, depth);
    to += step * depth + pack_spill;
  }
  for (std::size_t g = 0; g < block.count; ++g) {
    RowsOfA& group = block.groups[g];
    const std::size_t step =
        group.rows <= product_lanes ? group.rows : (group.rows + product_lanes - 1) / product_lanes * product_lanes;
    if (block.layout == Layout::rows_adjacent) PackStored(place[g], step, group.data, group.step, group.rows, depth);
    group.data = place[g];
    group.row = 1;
    group.step = step;
  }
  block.layout = Layout::rows_adjacent;
}

/// How many vectors wide the next panel is, for `columns` left: two, more where there are few rows, one at the end.
std::size_t PanelVectors(std::size_t columns, std::size_t rows_max, Layout layout) {
  for (std::size_t vectors = tile_vectors_max; vectors > tile_vectors; vectors /= 2) {
    if (columns >= vectors * product_lanes && TileFunction(rows_max, vectors, layout) != nullptr) return vectors;
  }
  return columns > product_lanes ? tile_vectors : 1;
}

/// A panel of b, `vectors` vectors wide, over one block of k.
struct PanelOfB {
  std::size_t first, columns, vectors;
  const float* data;
  std::size_t step;
};

/// Cuts the next panel of columns, and packs it into `to` unless it is read where it lies.
PanelOfB TakePanel(const Product& product, const BlockOfA& block, std::size_t j, std::size_t k, std::size_t depth,
                   float* to) {
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

/// All columns of one block of rows over one block of k.
void MultiplyBlock(const Product& product, const BlockOfA& block, std::size_t k, std::size_t depth, bool add,
                   const float* bias, float* b_scratch) {
  Tile tile;
  tile.depth = depth;
  tile.out_stride = product.out.stride;
  tile.add = add;
  PanelOfB panels[panel_vectors_sum];
  for (std::size_t j = 0; j < product.out.columns;) {
    std::size_t count = 0, vectors = 0;
    while (count < panel_vectors_sum && vectors < panel_vectors_sum && j < product.out.columns) {
      panels[count] = TakePanel(product, block, j, k, depth, b_scratch + vectors * product_lanes * product_block);
      j += panels[count].columns;
      vectors += panels[count++].vectors;
    }
    for (std::size_t g = 0; g < block.count; ++g) {
      const RowsOfA& group = block.groups[g];
      tile.a = group.data;
      tile.a_row = group.row;
      tile.a_step = group.step;
      for (std::size_t n = 0; n < count; ++n) {
        const PanelOfB& panel = panels[n];
        tile.b = panel.data;
        tile.b_step = panel.step;
        tile.columns = panel.columns;
        tile.bias = bias == nullptr ? nullptr : bias + panel.first;
        tile.out = product.out.data + group.first * product.out.stride + panel.first;
        TileFunction(group.rows, panel.vectors, block.layout)(tile);
      }
    }
  }
}

void Multiply(const Product& product) {
  const std::size_t rows = product.out.rows, columns = product.out.columns, depth = product.depth();
  float* a_scratch = reinterpret_cast<float*>(hwy::RoundUpTo(reinterpret_cast<std::uintptr_t>(product.scratch), 64));
  float* b_scratch = a_scratch + a_scratch_floats;
  const std::size_t blocks_count = (rows + block_rows_max - 1) / block_rows_max;
  const bool pack_a = columns > (packing_panels_min - 1) * tile_vectors * product_lanes;
  for (std::size_t n = 0; n < blocks_count; ++n) {
    const std::size_t first = rows * n / blocks_count, last = rows * (n + 1) / blocks_count;
    BlockOfA block;
    CutRows(block, first, last - first);
    for (std::size_t k = 0; k < depth; k += product_block) {
      const std::size_t steps = std::min(product_block, depth - k);
      if (pack_a && block.count > 1) {
        PackA(block, product, k, steps, a_scratch);
      } else {
        PointAtA(block, product, k);
      }
      MultiplyBlock(product, block, k, steps, product.add || k > 0, k + steps == depth ? product.bias : nullptr,
                    b_scratch);
    }
  }
}

#else

void Multiply(const Product& product) {
  if (product.add) {
    plain::multiply_add(product.out, product.a, product.a_as, product.b, product.b_as);
  } else {
    plain::multiply(product.out, product.a, product.a_as, product.b, product.b_as, product.bias);
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace compute {

HWY_EXPORT(Multiply);

namespace {

void run(const Product& product) {
  const Matrix& out = product.out;
  assert(out.rows == (product.a_as == As::stored ? product.a.rows : product.a.columns));
  assert(out.columns == (product.b_as == As::stored ? product.b.columns : product.b.rows));
  assert(product.depth() == (product.b_as == As::stored ? product.b.rows : product.b.columns));
  if (out.rows == 0 || out.columns == 0) return;
  HWY_DYNAMIC_DISPATCH(Multiply)(product);
}

}  // namespace

const std::size_t product_scratch_floats = a_scratch_floats + b_scratch_floats + 2 * alignment_floats;

void multiply(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as, const float* bias, float* scratch) noexcept {
  const Product product{out, a, a_as, b, b_as, bias, false, scratch};
  if (product.depth() == 0) {
    plain::multiply(out, a, a_as, b, b_as, bias);
  } else {
    run(product);
  }
}

void multiply_add(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as, float* scratch) noexcept {
  run({out, a, a_as, b, b_as, nullptr, true, scratch});
}

}  // namespace compute

#endif
