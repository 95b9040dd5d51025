// Tiles of attention's weighted sums over positions: lanes run along a head's channels, chains over the positions. For
// compute/attention_simd.cpp only, once per target.
//
// With AVX-512 a tile has 8 rows and 2 vectors of channels, 16 chains and 10 values a position, or 1 where a head has
// 16 channels: 16 rows would take a register of addresses each, and 8 chains are just enough. With AVX2 it is 6 rows
// and 2 vectors. Chains end with the last position that a tile sees: 4 are added in vain, of T / 2.

#if defined(ICOSA_COMPUTE_ATTENTION_SUMS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_ATTENTION_SUMS_INL
#undef ICOSA_COMPUTE_ATTENTION_SUMS_INL
#else
#define ICOSA_COMPUTE_ATTENTION_SUMS_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "compute/attention_pack-inl.hpp"
#include "compute/matrix.hpp"
#include "compute/product.hpp"
#include "compute/simd_lanes-inl.hpp"
#include "compute/simd_math-inl.hpp"
#include "compute/tile_chains-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// Rows of a tile of sums with so many vectors.
constexpr std::size_t SumRows(std::size_t vectors) {
  return lane_slots == 1 ? 8 : HWY_TARGET == HWY_AVX2 ? 12 / vectors : 16 / vectors;
}

/// Sums of the channels, one panel, of `depth` positions, with weights: out = (out +) sum (+ 0). A chain may be one
/// that other positions began.
struct SumTile {
  const float* weights;  ///< of row i and position k at i * weights_stride + k, transposed at k * weights_stride + i
  std::size_t weights_stride;
  const float* positions;
  std::size_t step;  ///< floats from a position to the next
  std::size_t depth;
  float* out;
  std::size_t stride;
  std::size_t columns;  ///< of the result: the panel's, or fewer
  bool add, plus_zero;
  const float* begun = nullptr;  ///< sums so far, whole vectors, `step` floats from a row to the next; nullptr: none
};

template <std::size_t Rows, std::size_t Vectors, bool transposed>
void RunSums(const SumTile& tile) {
  const Lanes16Tag d;
  using V = hn::Vec<Lanes16Tag>;
  constexpr std::size_t lanes = virtual_lanes / lane_slots;
  V sums[Rows][Vectors];
  const float* HWY_RESTRICT begun = tile.begun;
  if (transposed && begun != nullptr) {
    HWY_UNROLL(16)
    for (std::size_t i = 0; i < Rows; ++i) {
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < Vectors; ++v) sums[i][v] = hn::LoadU(d, begun + i * tile.step + v * lanes);
    }
  } else {
    HWY_UNROLL(16)
    for (std::size_t i = 0; i < Rows; ++i) {
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < Vectors; ++v) sums[i][v] = hn::Zero(d);
    }
  }
  const std::size_t row = transposed ? 1 : tile.weights_stride, step = transposed ? tile.weights_stride : 1;
  RunChains<transposed ? Layout::rows_adjacent : Layout::steps_adjacent>(
      d, sums, tile.depth, {tile.weights, row, step}, tile.positions, tile.step,
      [&](const float* b, std::size_t v) HWY_ATTR { return hn::LoadU(d, b + v * lanes); });
  const V zero = hn::Zero(d);
  const std::size_t stride = tile.stride;
  const bool add = tile.add, plus_zero = tile.plus_zero;
  HWY_UNROLL(8)
  for (std::size_t v = 0; v < Vectors; ++v) {
    if (v * lanes >= tile.columns) break;
    const std::size_t columns = std::min(lanes, tile.columns - v * lanes);
    float* out = tile.out + v * lanes;
    if (add) {
      HWY_UNROLL(16)
      for (std::size_t i = 0; i < Rows; ++i) sums[i][v] = hn::Add(LoadPart(d, out + i * stride, columns), sums[i][v]);
    }
    if (plus_zero) {
      HWY_UNROLL(16)
      for (std::size_t i = 0; i < Rows; ++i) sums[i][v] = hn::Add(sums[i][v], zero);
    }
    if (columns == lanes) {
      HWY_UNROLL(16)
      for (std::size_t i = 0; i < Rows; ++i) hn::StoreU(sums[i][v], d, out + i * stride);
    } else {
      HWY_UNROLL(16)
      for (std::size_t i = 0; i < Rows; ++i) StorePart(sums[i][v], d, out + i * stride, columns);
    }
  }
}

using RunSumsFunction = void (*)(const SumTile&);

template <std::size_t Vectors, bool transposed, std::size_t... Index>
constexpr std::array<RunSumsFunction, sizeof...(Index)> SumFunctions(std::index_sequence<Index...>) {
  return {&RunSums<Index + 1, Vectors, transposed>...};
}

/// RunSums for each number of rows.
template <std::size_t Vectors, bool transposed>
inline constexpr auto sum_functions = SumFunctions<Vectors, transposed>(std::make_index_sequence<SumRows(Vectors)>());

template <bool transposed>
HWY_INLINE void RunSums(std::size_t rows, std::size_t vectors, const SumTile& tile) {
  (vectors == 1 ? sum_functions<1, transposed>[rows - 1] : sum_functions<2, transposed>[rows - 1])(tile);
}

/// Row i of `out`, at most 16: the sum over the keys from `begin` on that position first + i sees, plus +0. weights: of
/// row i and key j at i * stride + j.
inline void SumOverKeys(const Matrix& out, const float* weights, std::size_t stride, const ChannelPanels& keys,
                        std::size_t begin, std::size_t first) {
  const float* panel = keys.data;
  for (std::size_t c = 0; c < out.columns; c += keys.width, panel += keys.panel) {
    ForEachTile(0, out.rows, SumRows(keys.vectors), [&](std::size_t i, std::size_t count) HWY_ATTR {
      const std::size_t end = first + i + count;
      for (std::size_t j = begin, next; j < end; j = next) {
        next = EndOfBlock(j, product_block, end);
        RunSums<false>(count, keys.vectors,
                       {weights + i * stride + j, stride, panel + j * keys.width, keys.width, next - j,
                        out.data + i * out.stride + c, out.stride, out.columns - c, j > begin, next == end});
      }
    });
  }
}

/// Positions [first, last) of a document, all in one block of the chains over positions.
struct ChainPart {
  std::size_t begin;  ///< of the document
  std::size_t block;  ///< where the block begins, or the document if that is later
  std::size_t first, last;
  bool ends;  ///< the block, or the document, at `last`
};

/// Adds what the positions of `part` give to the document's keys. Until the block ends the sums stay in `begun`, laid
/// out as `positions`; then they are added to `out`, dk or dv of the row, where the first to give something to a key
/// writes it. weights: of position t and key j at (t - first) * stride + j.
inline void AddToKeys(const Matrix& out, float* begun, const float* weights, std::size_t stride,
                      const ChannelPanels& positions, bool first_of_group, const ChainPart& part) {
  const std::size_t width = positions.width;
  for (std::size_t sixteen = part.begin, next; sixteen < part.last; sixteen = next) {
    next = EndOfBlock(sixteen, virtual_lanes, part.last);
    const float* panel = positions.data;
    float* sums = begun;
    for (std::size_t c = 0; c < out.columns; c += width, panel += positions.panel, sums += positions.panel) {
      ForEachTile(sixteen, next, SumRows(positions.vectors), [&](std::size_t j, std::size_t count) HWY_ATTR {
        const std::size_t from = std::max(part.first, j);
        SumTile tile{weights + (from - part.first) * stride + j,
                     stride,
                     panel + from * width,
                     width,
                     part.last - from,
                     out.data + j * out.stride + c,
                     out.stride,
                     out.columns - c,
                     j < part.block || !first_of_group,
                     false};
        if (part.block < part.first && j < part.first) tile.begun = sums + j * width;
        if (!part.ends) {
          tile.out = sums + j * width;
          tile.stride = width;
          tile.columns = width;
          tile.add = false;
        }
        RunSums<true>(count, positions.vectors, tile);
      });
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
