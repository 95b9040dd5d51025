// Matrix products with vectors: packing and the order of the loops. Same bits as compute/product.cpp.
//
// M x N x K take 2 M N K flops on M K + K N + M N floats; at widths of 64 and more the multiply-adds are the bound, one
// (AVX-512 on Zen 4) or two vectors a cycle. For each block of at most 256 rows and 256 steps of k (256 KiB of a, in
// L2) b is packed 128 columns at a time (128 KiB, in L2), in panels two vectors wide; each group of rows of a meets all
// of them. Measured on one Zen 4 core beside other work, share of the multiply-adds' peak (118 GFLOP/s), AVX-512 and
// AVX2: width 384 with 256 rows 76-91 and 80-92 %; width 64 with 128 rows 77-95 and 61-86 %; 50,257 columns 76-84 and
// 73-84 %.
// Source: Goto & van de Geijn 2008.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/product_simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "compute/product.hpp"
#include "compute/product_call.hpp"
#include "compute/product_kernel-inl.hpp"
#include "compute/product_operands-inl.hpp"
#include "compute/profile.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

#if HWY_NATIVE_FMA

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
  float* a_scratch = reinterpret_cast<float*>(
      hwy::RoundUpTo(reinterpret_cast<std::uintptr_t>(product.scratch), alignment_floats * sizeof(float)));
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

/// The operands' letters as BLAS has them.
const char* name_of(const Product& product) {
  static constexpr const char* names[2][2][2] = {{{"product nn", "product nt"}, {"product tn", "product tt"}},
                                                 {{"product+ nn", "product+ nt"}, {"product+ tn", "product+ tt"}}};
  return names[product.add][product.a_as == As::transposed][product.b_as == As::transposed];
}

void run(const Product& product) {
  const Matrix& out = product.out;
  assert(out.rows == (product.a_as == As::stored ? product.a.rows : product.a.columns));
  assert(out.columns == (product.b_as == As::stored ? product.b.columns : product.b.rows));
  assert(product.depth() == (product.b_as == As::stored ? product.b.rows : product.b.columns));
  if (out.rows == 0 || out.columns == 0) return;
  const double M = static_cast<double>(out.rows), N = static_cast<double>(out.columns);
  const double K = static_cast<double>(product.depth());
  const TimedOperation timed({name_of(product), out.rows, product.depth(), out.columns}, 2 * M * N * K,
                             4 * (M * K + K * N + (product.add ? 2 : 1) * M * N));
  HWY_DYNAMIC_DISPATCH(Multiply)(product);
}

}  // namespace

const std::size_t product_scratch_floats = a_scratch_floats + b_scratch_floats + alignment_floats;

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
