// Matrix products with vectors: packing and the order of the loops. Same bits as compute/product.cpp.
//
// M x N x K take 2 M N K flops on M K + K N + M N floats; at widths of 64 and more the multiply-adds are the bound, one
// (AVX-512 on Zen 4) or two vectors a cycle. For each block of at most 256 rows a is packed (256 KiB of each block of
// k, in L2), then b 128 columns at a time (128 KiB, in L2) in panels two vectors wide, unless somebody packed b
// beforehand; each group of rows of a meets all of them. Packing is what products lose most by: a float costs 0.3-0.5
// cycles to transpose and a float of b serves rows / 32 cycles. So what few columns or steps meet is read where it lies
// (PacksA and TakePanel in compute/product_operands-inl.hpp). Measured on a Xeon with two 512-bit multiply-adds a
// cycle (198 GFLOP/s), beside other work, share of that peak with b packed beforehand where it is a weight, AVX-512 and
// AVX2 (of its 99): width 768 with 256 rows 83-90 and 84-93 %, width 384 85-92 and 89-95 %; width 64 with 128 rows
// 80-96 and 73-96 %, with 32 rows 79-95 and 72-90 %; 50,257 columns 80-83 and 88-91 %. On Zen 3 (AVX2, 97 GFLOP/s) in
// its quiet moments: width 64 with 128 rows 85-94 %, with 32 rows 77-94. On Zen 4 (AVX-512, 118 GFLOP/s), quiet: width
// 64 with 128 rows 91-97 %, with 32 rows 89-93; width 384 88-97; width 768 90-97. On a virtual Xeon that reaches 208
// GFLOP/s for a moment and holds 170-187: of the 208 width 64 with 128 rows 76-91 %, with 32 rows 65-81; width 384
// 81-91; width 768 75-88, 3-10 % ahead of the better of oneDNN and OpenBLAS on average. On Zen 1 (AVX2 in two halves,
// 40.7 GFLOP/s) width 64 with 128 rows 90-95 %, with 32 rows 79-95, where 32 steps are a tile (79-86; oneDNN 85-90).
// On a virtual Xeon of 198 GFLOP/s (2 MiB of L2): width 64 with 128 rows 92-99 %, with 32 rows 90-98; width 384 89-99;
// width 768 87-95; 50,257 columns 81-89.
//
// Source: Goto & van de Geijn 2008.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/product_simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/cache_control.h>
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

/// Columns [j, ...) of the result that b is packed for at a time, over one block of k; returns where the next ones
/// begin. Meanwhile asks for what comes next of b.
std::size_t MultiplyColumns(const Product& product, const BlockOfA& block, std::size_t j, std::size_t k,
                            std::size_t depth, Upcoming next_b, float* b_scratch) {
  PanelsOfB runs[panel_vectors_sum];
  const std::size_t runs_count = TakePanels(product, block, j, k, depth, b_scratch, runs);
  std::size_t panels = 0;
  for (std::size_t n = 0; n < runs_count; ++n) panels += runs[n].count;
  const bool last = k + depth == product.depth();
  const float* const bias = last ? product.bias : nullptr;
  const ConstMatrix residual = last ? product.epilogue.residual : ConstMatrix{};
  Tiles tiles;
  tiles.depth = depth;
  tiles.out_stride = product.out.stride;
  tiles.add = product.add || k > 0;
  tiles.stream = product.store == Store::streamed && !tiles.add && last;
  tiles.residual_stride = residual.stride;
  tiles.next = &next_b;
  tiles.next_lines = next_b.lines() == 0 ? 0 : next_b.lines() / (block.count * panels) + 1;
  for (std::size_t g = 0; g < block.count; ++g) {
    const RowsOfA& group = block.groups[g];
    tiles.a = group.data;
    tiles.a_row = group.row;
    tiles.a_step = group.step;
    for (std::size_t n = 0; n < runs_count; ++n) {
      PanelsOfB& run = runs[n];
      tiles.b = run.data;
      tiles.b_step = run.step;
      tiles.b_panel = run.panel;
      tiles.count = run.count;
      tiles.columns = run.columns;
      tiles.bias = bias == nullptr ? nullptr : bias + run.first;
      tiles.residual = residual.data == nullptr ? nullptr : residual.data + group.first * residual.stride + run.first;
      tiles.out = product.out.data + group.first * product.out.stride + run.first;
      tiles.packed = run.packed;
      if (run.packed == nullptr) {
        TileFunction(group.rows, run.vectors, block.layout)(tiles);
      } else {
        PackingTileFunction(group.rows, block.layout)(tiles);
        run.data = run.packed;
        run.step = run.vectors * product_lanes;
        run.panel = run.scratch_panel();
        run.packed = nullptr;
      }
    }
  }
  const PanelsOfB& end = runs[runs_count - 1];
  return end.first + (end.count - 1) * end.vectors * product_lanes + end.columns;
}

/// Rows [first, first + rows) over steps [k, k + depth), at most a_depth_max of them: a is packed once for all of them,
/// and each stretch of columns takes them one block after the other while its results are in the second cache. One
/// block after the other over all columns would move results wider than that to memory and back for each of them.
void MultiplyRows(const Product& product, std::size_t first, std::size_t rows, std::size_t k, std::size_t depth,
                  bool pack_a, float* a_scratch, float* b_scratch) {
  const std::size_t columns = product.out.columns;
  const auto steps_at = [&](std::size_t n) { return HWY_MIN(product_block, depth - n * product_block); };
  BlockOfA blocks[a_depth_max / product_block];
  std::size_t count = 0;
  for (float* to = a_scratch; count * product_block < depth; ++count) {
    BlockOfA& block = blocks[count];
    CutRows(block, first, rows, IsNarrow(product) ? tile_rows_wide : tile_rows_max);
    if (pack_a) {
      to = PackA(block, product, k + count * product_block, steps_at(count), to);
    } else {
      PointAtA(block, product, k + count * product_block);
    }
  }
  const std::size_t b_steps = product.depth() + product.b_steps_behind;
  const bool ask = b_steps * columns >= asking_floats_min && blocks[0].count >= asking_groups_min;
  for (std::size_t j = 0, next_j = 0; j < columns; j = next_j) {
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t at = k + n * product_block, after_j = j + packed_columns_max;
      Upcoming next_b;
      if (!ask) {
        if (first == 0) next_b = UpcomingBehindB(product, j, at);
      } else if (n + 1 < count) {
        next_b = UpcomingB(product, j, at + product_block);
      } else if (after_j < columns) {
        next_b = UpcomingB(product, after_j, k);
      } else {
        next_b = UpcomingB(product, 0, k + depth);
      }
      next_j = MultiplyColumns(product, blocks[n], j, at, steps_at(n), next_b, b_scratch);
    }
    if (product.epilogue.for_each && k + depth == product.depth()) {
      const OperationsApart apart;
      product.epilogue.for_each({first, rows, j, next_j - j});
    }
  }
}

void Multiply(const Product& product) {
  const std::size_t rows = product.out.rows, columns = product.out.columns, depth = product.depth();
  float* a_scratch = reinterpret_cast<float*>(
      hwy::RoundUpTo(reinterpret_cast<std::uintptr_t>(product.scratch), alignment_floats * sizeof(float)));
  float* b_scratch = a_scratch + a_scratch_floats;
  const std::size_t blocks_count = (rows + block_rows_max - 1) / block_rows_max;
  const bool pack_a = PacksA(product);
  const std::size_t a_depth =
      std::min(rows, block_rows_max) * columns > resident_floats_max ? a_depth_max : product_block;
  for (std::size_t n = 0; n < blocks_count; ++n) {
    const std::size_t first = rows * n / blocks_count, last = rows * (n + 1) / blocks_count;
    for (std::size_t k = 0; k < depth; k += a_depth) {
      MultiplyRows(product, first, last - first, k, HWY_MIN(a_depth, depth - k), pack_a, a_scratch, b_scratch);
    }
  }
  if (product.store == Store::streamed) hwy::FlushStream();
}

std::size_t PanelColumns() {
  return panel_columns;
}

template <Store store>
void PackRows(float* to, const ConstMatrix& b, As b_as, std::size_t first, std::size_t last) {
  if (b_as == As::stored) {
    PackPanelSteps<store>(to, b, first, last);
    const std::size_t whole = b.columns / panel_columns * panel_columns;
    // No vector may be written behind the end.
    if (whole == b.columns) return;
    const ConstMatrix rest{b.data + whole, b.rows, b.columns - whole, b.stride};
    plain::pack(to + whole * b.rows, rest, b_as, first, last, panel_columns);
  } else {
    const std::size_t whole = std::min(last, b.rows / panel_columns * panel_columns);
    for (std::size_t j = first; j < whole; j += panel_columns) {
      TransposePanel<store>(to + j * b.columns, b.data + j * b.stride, b.stride, b.columns);
    }
    if (whole < last) plain::pack(to, b, b_as, std::max(first, whole), last, panel_columns);
  }
}

void Pack(float* to, const ConstMatrix& b, As b_as, std::size_t first, std::size_t last, Store store) {
  if (store == Store::cached) {
    PackRows<Store::cached>(to, b, b_as, first, last);
  } else {
    PackRows<Store::streamed>(to, b, b_as, first, last);
    hwy::FlushStream();
  }
}

#else

std::size_t PanelColumns() {
  return 16;
}

void Pack(float* to, const ConstMatrix& b, As b_as, std::size_t first, std::size_t last, Store) {
  plain::pack(to, b, b_as, first, last, PanelColumns());
}

void Multiply(const Product& product) {
  const PackedMatrix b{product.packed, product.b.rows, product.b.columns, product.b.stride};
  if (product.packed != nullptr && product.add) {
    plain::multiply_add(product.out, product.a, product.a_as, b, PanelColumns());
  } else if (product.packed != nullptr) {
    plain::multiply(product.out, product.a, product.a_as, b, PanelColumns(), product.bias);
  } else if (product.add) {
    plain::multiply_add(product.out, product.a, product.a_as, product.b, product.b_as);
  } else {
    plain::multiply(product.out, product.a, product.a_as, product.b, product.b_as, product.bias);
  }
  finish(product.out, product.epilogue);
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace compute {

HWY_EXPORT(Multiply);
HWY_EXPORT(Pack);
HWY_EXPORT(PanelColumns);

namespace {

/// The operands' letters as BLAS has them.
const char* name_of(const Product& product) {
  static constexpr const char* names[2][2][2] = {{{"product nn", "product nt"}, {"product tn", "product tt"}},
                                                 {{"product+ nn", "product+ nt"}, {"product+ tn", "product+ tt"}}};
  if (product.packed != nullptr) {
    if (product.add) return product.a_as == As::transposed ? "product+ tp" : "product+ np";
    return product.a_as == As::transposed ? "product tp" : "product np";
  }
  return names[product.add][product.a_as == As::transposed][product.b_as == As::transposed];
}

/// As Product has a packed matrix.
ConstMatrix dimensions(const PackedMatrix& b) noexcept {
  return {nullptr, b.K, b.N, b.panel_steps};
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

void multiply(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as, const float* bias, float* scratch,
              Store store, const Epilogue& epilogue) noexcept {
  const bool aligned = reinterpret_cast<std::uintptr_t>(out.data) % 64 == 0 && out.stride % 16 == 0;
  const Product product{out,     a,       a_as, b, b_as, nullptr, bias, false, aligned ? store : Store::cached,
                        scratch, epilogue};
  if (product.depth() == 0) {
    plain::multiply(out, a, a_as, b, b_as, bias);
    finish(out, epilogue);
  } else {
    run(product);
  }
}

void multiply(Matrix out, ConstMatrix a, As a_as, const PackedMatrix& b, const float* bias, float* scratch,
              const Epilogue& epilogue) noexcept {
  const Product product{out,           a,       a_as,     dimensions(b),  As::stored,     b.data, bias, false,
                        Store::cached, scratch, epilogue, b.steps_behind, b.floats_behind};
  if (b.K == 0) {
    plain::multiply(out, a, a_as, b, packed_panel_columns(), bias);
    finish(out, epilogue);
  } else {
    run(product);
  }
}

std::size_t packed_panel_columns() noexcept {
  return HWY_DYNAMIC_DISPATCH(PanelColumns)();
}

void pack(float* to, ConstMatrix b, As b_as, std::size_t first, std::size_t last, Store store) noexcept {
  assert(reinterpret_cast<std::uintptr_t>(to) % 64 == 0 && first <= last && last <= b.rows);
  assert(b_as == As::stored ||
         (first % packed_panel_columns() == 0 && (last % packed_panel_columns() == 0 || last == b.rows)));
  HWY_DYNAMIC_DISPATCH(Pack)(to, b, b_as, first, last, store);
}

void multiply_add(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as, float* scratch,
                  std::size_t b_steps_behind) noexcept {
  run({out, a, a_as, b, b_as, nullptr, nullptr, true, Store::cached, scratch, {}, b_steps_behind});
}

void multiply_add(Matrix out, ConstMatrix a, As a_as, const PackedMatrix& b, float* scratch) noexcept {
  run({out, a, a_as, dimensions(b), As::stored, b.data, nullptr, true, Store::cached, scratch, {}, b.steps_behind});
}

}  // namespace compute

#endif
