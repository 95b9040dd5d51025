// Tiles of attention's scores, products of a few rows with panels of 16 positions: lanes run along the positions,
// chains over a head's channels. For compute/attention_simd.cpp only, once per target.
//
// Rows come from groups of 16 positions, [16 g, 16 g + 16) of the row: they see the same panels, and only the last of
// these needs a mask. So 8 keys a position are computed in vain, of T / 2 on average; with products of 64 rows 32 were.
//
// With AVX-512 a tile has 8 rows and 3 panels: 24 chains, 11 values for 24 fused multiply-adds, of each of which two go
// in a cycle. With AVX2 it is 6 rows and 1 panel of 2 vectors, 12 chains.

#if defined(ICOSA_COMPUTE_ATTENTION_SCORES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_ATTENTION_SCORES_INL
#undef ICOSA_COMPUTE_ATTENTION_SCORES_INL
#else
#define ICOSA_COMPUTE_ATTENTION_SCORES_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "compute/attention_pack-inl.hpp"
#include "compute/product.hpp"
#include "compute/simd_lanes-inl.hpp"
#include "compute/simd_math-inl.hpp"
#include "compute/tile_chains-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

inline constexpr std::size_t score_rows_max = lane_slots == 1 ? 8 : 6;
inline constexpr std::size_t score_panels_max = lane_slots == 1 ? 3 : 1;

/// Products of a few rows with the positions of neighbouring panels.
struct ScoreTile {
  const float* rows;  ///< `stride` floats from one to the next
  std::size_t stride;
  const float* keys;  ///< the first panel, `channels` times 16 floats; the others follow
  std::size_t channels;
  std::size_t panels;
  std::size_t positions;  ///< of the last panel that the first row sees, each later row one more
  std::size_t hidden;     ///< positions of the first panel that no row sees
};

/// Which positions of a panel row i sees, as one vector's mask.
template <class D>
HWY_INLINE hn::Mask<D> Seen(D d, std::size_t slot, std::size_t from, std::size_t to) {
  const std::size_t at = slot * hn::Lanes(d);
  const auto part = [&](std::size_t n) HWY_ATTR { return hn::FirstN(d, n <= at ? 0 : std::min(n - at, hn::Lanes(d))); };
  return from == 0 ? part(to) : hn::AndNot(part(from), part(to));
}

/// The chains of `Rows` rows with Panels panels from p on. finish.Of makes of an element what is kept, finish.Keep
/// drops what is not seen, finish.Row takes a row.
template <std::size_t Rows, std::size_t Panels, class Finish>
HWY_INLINE void RunScoresOfPanels(const ScoreTile& tile, std::size_t p, const Finish& finish) {
  const Lanes16Tag d;
  using V = hn::Vec<Lanes16Tag>;
  constexpr std::size_t vectors = Panels * lane_slots, lanes = virtual_lanes / lane_slots;
  V sums[Rows][vectors];
  const std::size_t channels = tile.channels, panel = channels * virtual_lanes, stride = tile.stride;
  for (std::size_t block = 0; block < channels; block += product_block) {
    HWY_UNROLL(16)
    for (std::size_t i = 0; i < Rows; ++i) {
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < vectors; ++v) sums[i][v] = hn::Zero(d);
    }
    RunChains<Layout::steps_adjacent>(d, sums, std::min(product_block, channels - block),
                                      {tile.rows + block, stride, 1}, tile.keys + p * panel + block * virtual_lanes,
                                      virtual_lanes, [&](const float* b, std::size_t v) HWY_ATTR {
                                        return hn::LoadU(d, b + v / lane_slots * panel + v % lane_slots * lanes);
                                      });
    if (channels <= product_block) break;
    HWY_UNROLL(16)
    for (std::size_t i = 0; i < Rows; ++i) {
      float* partial = finish.Place(i, p);
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < vectors; ++v) {
        if (block > 0) sums[i][v] = hn::Add(hn::LoadU(d, partial + v * lanes), sums[i][v]);
        hn::StoreU(sums[i][v], d, partial + v * lanes);
      }
    }
  }
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < Rows; ++i) finish.template Of<vectors>(d, i, sums[i]);
  if (p + Panels == tile.panels) {
    HWY_UNROLL(16)
    for (std::size_t i = 0; i < Rows; ++i) {
      HWY_UNROLL(8)
      for (std::size_t slot = 0; slot < lane_slots; ++slot) {
        V& sum = sums[i][vectors - lane_slots + slot];
        sum = finish.Keep(d, Seen(d, slot, 0, tile.positions + i), sum);
      }
    }
  }
  if (p == 0 && tile.hidden > 0) {
    HWY_UNROLL(16)
    for (std::size_t i = 0; i < Rows; ++i) {
      HWY_UNROLL(8)
      for (std::size_t slot = 0; slot < lane_slots; ++slot) {
        sums[i][slot] = finish.Keep(d, Seen(d, slot, tile.hidden, virtual_lanes), sums[i][slot]);
      }
    }
  }
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < Rows; ++i) finish.template Row<vectors>(d, i, p, sums[i]);
}

template <std::size_t Rows, class Finish>
void RunScores(const ScoreTile& tile, const Finish& finish) {
  std::size_t p = 0;
  for (; p + score_panels_max <= tile.panels; p += score_panels_max) {
    RunScoresOfPanels<Rows, score_panels_max>(tile, p, finish);
  }
  if constexpr (score_panels_max > 2) {
    if (p + 2 == tile.panels) RunScoresOfPanels<Rows, 2>(tile, p, finish);
  }
  if constexpr (score_panels_max > 1) {
    if (p + 1 == tile.panels) RunScoresOfPanels<Rows, 1>(tile, p, finish);
  }
}

template <class Finish>
using RunScoresFunction = void (*)(const ScoreTile&, const Finish&);

template <class Finish, std::size_t... Index>
constexpr std::array<RunScoresFunction<Finish>, sizeof...(Index)> ScoreFunctions(std::index_sequence<Index...>) {
  return {&RunScores<Index + 1, Finish>...};
}

/// RunScores for each number of rows.
template <class Finish>
inline constexpr auto score_functions = ScoreFunctions<Finish>(std::make_index_sequence<score_rows_max>());

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
