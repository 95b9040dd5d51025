// The micro-kernel of matrix products: a tile of the result held in registers while k runs over one block. For
// compute/product_simd.cpp only, once per target.
//
// Per step of k a tile of R rows and `Vectors` vectors takes Vectors + R values and does R * Vectors fused
// multiply-adds. 14 x 2 takes 28 accumulators, 2 vectors of b and 1 of a: 31 of AVX-512's 32 registers. 6 x 2 takes 15
// of AVX2's 16; its 12 chains cover a latency of 4 cycles at 2 per cycle.

#if defined(ICOSA_COMPUTE_PRODUCT_KERNEL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_PRODUCT_KERNEL_INL
#undef ICOSA_COMPUTE_PRODUCT_KERNEL_INL
#else
#define ICOSA_COMPUTE_PRODUCT_KERNEL_INL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <array>
#include <cstddef>
#include <utility>

#include "compute/simd_math-inl.hpp"
#include "compute/tile_chains-inl.hpp"
#include "compute/upcoming.hpp"

#if HWY_NATIVE_FMA  // the portable targets run the plain forms
HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using ProductTag = hn::ScalableTag<float>;
inline constexpr std::size_t product_lanes = HWY_LANES(float);
inline constexpr std::size_t vector_registers = HWY_TARGET == HWY_AVX2 ? 16 : 32;
inline constexpr std::size_t tile_vectors = 2;
inline constexpr std::size_t tile_rows_max = (vector_registers - 1 - tile_vectors) / tile_vectors;
inline constexpr std::size_t tile_vectors_max = 8;
/// From here on the result is asked for before the chains run, so that it is there when they end: 1-3 % of long tiles.
/// In shorter ones it costs that much. AVX-512's ask for it while they run, where nothing else is to be asked for: 5 %
/// of a head's gradient at 64 columns.
inline constexpr std::size_t prefetching_depth_min = 192;

/// Lines of what comes next asked for with every few steps of a tile; what is more is asked for before the first. All
/// before the first they kept its loads waiting for a place to wait for the second cache in: 8-10 % of products of 256
/// rows whose b is packed, on a Xeon. AVX2's tiles, which are shorter of instructions, ask for one: on Zen 1 a
/// micro-batch of preset seed takes 3 % less time by it, of tiny 2 %, of char and small the same.
inline constexpr std::size_t asked_together = vector_registers == 32 ? 2 : 1;
/// Not by AVX2's: a tile of 6 rows ends before 64 steps have asked for 16, which cost 10 % of 4,096 columns.
inline constexpr bool asks_for_results = vector_registers == 32;

/// One block of k for tiles of the result that lie side by side: panel after panel of b beside the same rows of a.
struct Tiles {
  const float* a;  ///< element (i, k) is a[i * a_row + k * a_step]
  std::size_t a_row, a_step;
  const float* b;  ///< element (k, j) of panel p is b[p * b_panel + k * b_step + j]; whole vectors are read
  std::size_t b_step, b_panel;
  float* packed;      ///< where a packing kernel leaves its vectors of b, step after step, for the next tiles
  std::size_t depth;  ///< steps of k, at most product_block
  float* out;
  std::size_t out_stride;
  std::size_t count;      ///< of panels; more than one only where all are whole
  std::size_t columns;    ///< of a panel's results, at most Vectors vectors, more than Vectors - 1
  bool add;               ///< out = out + chain, else out = chain
  bool stream;            ///< out is aligned and written past the caches; without add
  const float* bias;      ///< added after that, or nullptr
  const float* residual;  ///< added after that, or nullptr
  std::size_t residual_stride;
  Upcoming* next;  ///< asked for, `next_lines` of it for each tile
  std::size_t next_lines;
};

/// Floats from one step of a packed group of rows to the next.
constexpr std::size_t packed_step(std::size_t rows) {
  return rows <= product_lanes ? rows : (rows + product_lanes - 1) / product_lanes * product_lanes;
}

/// Whether a kernel also writes down what it reads of b. A copy of its own would wait for loads and stores, 3-6 % of a
/// product of 256 rows; here both pass beside the multiply-adds.
enum class Packing : bool { no, yes };

/// function(i, v, place) for the whole vectors of a tile's rows that lie in a matrix from `place` on. From row to row
/// by one addition: left alone g++ 12 reads the stride again for each vector and computes its multiple.
template <std::size_t Rows, std::size_t Vectors, class T, class Function>
HWY_INLINE void ForEachVector(T* place, std::size_t stride, const Function& function) {
  const std::size_t bytes = stride * sizeof(float);
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < Rows; ++i) {
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < Vectors; ++v) function(i, v, place + v * product_lanes);
    place = Opaque(MovedBy(place, bytes));
  }
}

/// The chains' sums of the tile whose columns begin `at` floats from those of the first, or what is there plus them,
/// then plus the bias and the residual: to the result. Whole tiles, nearly all, decide once what to add and not row by
/// row: at 64 steps of k a tile ends every 900 cycles.
template <std::size_t Rows, std::size_t Vectors>
HWY_INLINE void Finish(const Tiles& tiles, std::size_t at, hn::Vec<ProductTag> (&sums)[Rows][Vectors]) {
  const ProductTag d;
  using V = hn::Vec<ProductTag>;
  float* const out = tiles.out + at;
  const std::size_t last_lanes = tiles.columns - (Vectors - 1) * product_lanes;
  if (last_lanes == product_lanes) {
    const auto add = [&](std::size_t i, std::size_t v, const float* place)
                         HWY_ATTR { sums[i][v] = hn::Add(hn::LoadU(d, place), sums[i][v]); };
    if (tiles.add) ForEachVector<Rows, Vectors>(out, tiles.out_stride, add);
    if (tiles.bias != nullptr) {
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < Vectors; ++v) {
        const V bias = hn::LoadU(d, tiles.bias + at + v * product_lanes);
        HWY_UNROLL(16)
        for (std::size_t i = 0; i < Rows; ++i) sums[i][v] = hn::Add(sums[i][v], bias);
      }
    }
    if (tiles.residual != nullptr) ForEachVector<Rows, Vectors>(tiles.residual + at, tiles.residual_stride, add);
    if (tiles.stream) {
      ForEachVector<Rows, Vectors>(out, tiles.out_stride, [&](std::size_t i, std::size_t v, float* place) HWY_ATTR {
        hn::Stream(sums[i][v], d, place);
      });
    } else {
      ForEachVector<Rows, Vectors>(out, tiles.out_stride, [&](std::size_t i, std::size_t v, float* place) HWY_ATTR {
        hn::StoreU(sums[i][v], d, place);
      });
    }
    return;
  }
  HWY_UNROLL(8)
  for (std::size_t v = 0; v < Vectors; ++v) {
    const std::size_t lanes = v + 1 < Vectors ? product_lanes : last_lanes, first = at + v * product_lanes;
    const V bias = tiles.bias == nullptr ? hn::Zero(d) : LoadPart(d, tiles.bias + first, lanes);
    HWY_UNROLL(16)
    for (std::size_t i = 0; i < Rows; ++i) {
      float* const place = tiles.out + i * tiles.out_stride + first;
      V sum = sums[i][v];
      if (tiles.add) sum = hn::Add(LoadPart(d, place, lanes), sum);
      if (tiles.bias != nullptr) sum = hn::Add(sum, bias);
      if (tiles.residual != nullptr)
        sum = hn::Add(sum, LoadPart(d, tiles.residual + i * tiles.residual_stride + first, lanes));
      StorePart(sum, d, place, lanes);
    }
  }
}

template <std::size_t Rows, std::size_t Vectors, Layout layout, Packing packing>
void RunTiles(const Tiles& tiles) {
  const ProductTag d;
  using V = hn::Vec<ProductTag>;
  constexpr std::size_t width = Vectors * product_lanes;
  const std::size_t a_row = layout == Layout::steps_adjacent ? tiles.a_row : 1;
  const std::size_t a_step = layout == Layout::packed          ? packed_step(Rows)
                             : layout == Layout::rows_adjacent ? tiles.a_step
                                                               : 1;
  const float* b = tiles.b;
  for (std::size_t n = 0; n < tiles.count; ++n, b += tiles.b_panel) {
    const std::size_t at = n * width;
    // Where nothing comes next, the rows of the result, one after the other; if they are asked for at once, below, or
    // go past the caches, nothing new.
    const bool out_later = asks_for_results && !tiles.stream && tiles.depth < prefetching_depth_min;
    const char* ask = reinterpret_cast<const char*>(out_later ? tiles.out + at : tiles.a);
    std::size_t ask_step = out_later ? tiles.out_stride * sizeof(float) : 0;
    if (tiles.next_lines > 0) {
      const std::size_t times = tiles.depth / steps_unrolled;
      const Upcoming::Stretch stretch = tiles.next->Take(tiles.next_lines, asked_together * times);
      if (stretch.lines > 0) {
        ask = stretch.first;
        ask_step = (stretch.lines * Upcoming::line_bytes + times - 1) / times;
      }
    }
    if (tiles.depth >= prefetching_depth_min && !tiles.stream) {
      ForEachVector<Rows, Vectors>(tiles.out + at, tiles.out_stride,
                                   [](std::size_t, std::size_t, const float* place) { hwy::Prefetch(place); });
    }
    V sums[Rows][Vectors];
    HWY_UNROLL(16)
    for (std::size_t i = 0; i < Rows; ++i) {
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < Vectors; ++v) sums[i][v] = hn::Zero(d);
    }
    [[maybe_unused]] float* HWY_RESTRICT packed =
        packing == Packing::yes ? tiles.packed + n * width * product_block : nullptr;
    RunChains<layout>(
        d, sums, tiles.depth, {tiles.a, a_row, a_step}, b, tiles.b_step,
        [&](const float* from, std::size_t v) HWY_ATTR {
          const V right = hn::LoadU(d, from + v * product_lanes);
          if constexpr (packing == Packing::yes) {
            hn::Store(right, d, packed);
            packed += product_lanes;
          }
          return right;
        },
        [&]() HWY_ATTR {
          HWY_UNROLL(4)
          for (std::size_t n = 0; n < asked_together; ++n) {
            __builtin_prefetch(ask + n * Upcoming::line_bytes, 0, 2);
          }
          ask = Opaque(ask + ask_step);
        });
    Finish<Rows, Vectors>(tiles, at, sums);
  }
}

using RunTilesFunction = void (*)(const Tiles&);

/// RunTiles<1, ...> to RunTiles<rows of the register file, ...>; nullptr where the sums would not fit into registers.
template <std::size_t Vectors, Layout layout, Packing packing, std::size_t... Index>
constexpr std::array<RunTilesFunction, tile_rows_max> TileRow(std::index_sequence<Index...>) {
  const auto pick = [](auto rows) constexpr->RunTilesFunction {
    if constexpr (rows() * Vectors <= tile_rows_max * tile_vectors) {
      return &RunTiles<rows(), Vectors, layout, packing>;
    } else {
      return nullptr;
    }
  };
  return {pick(std::integral_constant<std::size_t, Index + 1>())...};
}

template <std::size_t Vectors, Layout layout, Packing packing = Packing::no>
inline constexpr std::array<RunTilesFunction, tile_rows_max> tile_functions =
    TileRow<Vectors, layout, packing>(std::make_index_sequence<tile_rows_max>());

template <Layout layout>
RunTilesFunction TileFunctionOf(std::size_t rows, std::size_t vectors) {
  switch (vectors) {
    case 1:
      return tile_functions<1, layout>[rows - 1];
    case 2:
      return tile_functions<2, layout>[rows - 1];
    case 4:
      return tile_functions<4, layout>[rows - 1];
    default:
      return tile_functions<8, layout>[rows - 1];
  }
}

/// The kernel for `rows` in [1, tile_rows_max] and `vectors` of 1, 2, 4 or 8, nullptr where there is none.
inline RunTilesFunction TileFunction(std::size_t rows, std::size_t vectors, Layout layout) {
  switch (layout) {
    case Layout::packed:
      return TileFunctionOf<Layout::packed>(rows, vectors);
    case Layout::rows_adjacent:
      return TileFunctionOf<Layout::rows_adjacent>(rows, vectors);
    default:
      return TileFunctionOf<Layout::steps_adjacent>(rows, vectors);
  }
}

/// The kernel of tile_vectors that packs.
inline RunTilesFunction PackingTileFunction(std::size_t rows, Layout layout) {
  switch (layout) {
    case Layout::packed:
      return tile_functions<tile_vectors, Layout::packed, Packing::yes>[rows - 1];
    case Layout::rows_adjacent:
      return tile_functions<tile_vectors, Layout::rows_adjacent, Packing::yes>[rows - 1];
    default:
      return tile_functions<tile_vectors, Layout::steps_adjacent, Packing::yes>[rows - 1];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();
#endif

#endif
