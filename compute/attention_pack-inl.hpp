// The operands of attention's products, copied once per head so that tiles read them in order and in whole
// vectors. For compute/attention_simd.cpp only, once per target.
//
// A row of qkv is 3 C floats long: at C = 768 every position of a head lies in another page, and a head's 256 of them
// are walked 32 times. Copying takes 0.1 (channels) and 0.4 (positions) cycles a float, the multiply-adds T / 2 / 32.

#if defined(ICOSA_COMPUTE_ATTENTION_PACK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_ATTENTION_PACK_INL
#undef ICOSA_COMPUTE_ATTENTION_PACK_INL
#else
#define ICOSA_COMPUTE_ATTENTION_PACK_INL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "compute/matrix.hpp"
#include "compute/simd_lanes-inl.hpp"
#include "compute/simd_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// Rows whose lanes run along positions: panel j / 16 holds positions j to j + 15, channel after channel. Those behind
/// the last position repeat it.
struct PositionPanels {
  PositionPanels(const float* packed, std::size_t channels_count) : data(packed), channels(channels_count) {}
  const float* panel(std::size_t index) const noexcept { return data + index * channels * virtual_lanes; }

  const float* data;
  std::size_t channels;
};

/// Vectors of a panel of channels where heads have more channels than one holds: what a tile of sums has in a row.
inline constexpr std::size_t panel_vectors_max = 2;

/// Rows whose lanes run along channels: panel after panel of 1 or 2 vectors, each position after position.
struct ChannelPanels {
  ChannelPanels(const float* packed, std::size_t positions, std::size_t channels)
      : data(packed),
        vectors(channels <= hn::Lanes(Lanes16Tag()) ? 1 : panel_vectors_max),
        width(vectors * hn::Lanes(Lanes16Tag())),
        panel(positions * width) {}

  const float* data;
  std::size_t vectors;
  std::size_t width;  ///< floats from a position to the next
  std::size_t panel;  ///< floats from a panel to the next
};

#if HWY_NATIVE_FMA
/// to[q * 16 + r] = row r's channel q, for a vector of rows and four channels.
HWY_INLINE void TransposeFour(float* HWY_RESTRICT to, const float* HWY_RESTRICT from, std::size_t stride) {
  const Lanes16Tag d;
  const hn::RepartitionToWide<Lanes16Tag> pairs;
  const auto row0 = LoadEveryFourthRow(d, from, stride), row1 = LoadEveryFourthRow(d, from + stride, stride);
  const auto row2 = LoadEveryFourthRow(d, from + 2 * stride, stride);
  const auto row3 = LoadEveryFourthRow(d, from + 3 * stride, stride);
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, row0, row1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, row2, row3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, row0, row1));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, row2, row3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, to + virtual_lanes);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, to + 2 * virtual_lanes);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, to + 3 * virtual_lanes);
}
#endif

/// to[c * 16 + r] = row r's channel c, for 16 rows; those from `rows` >= 1 on repeat the last.
HWY_INLINE void PackPanel(float* HWY_RESTRICT to, const float* HWY_RESTRICT from, std::size_t stride, std::size_t rows,
                          std::size_t channels) {
  std::size_t c = 0;
#if HWY_NATIVE_FMA
  for (; rows == virtual_lanes && c + 4 <= channels; c += 4) {
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < virtual_lanes; r += hn::Lanes(Lanes16Tag())) {
      TransposeFour(to + c * virtual_lanes + r, from + r * stride + c, stride);
    }
  }
#endif
  for (; c < channels; ++c) {
    for (std::size_t r = 0; r < virtual_lanes; ++r) {
      to[c * virtual_lanes + r] = from[std::min(r, rows - 1) * stride + c];
    }
  }
}

/// Writes rows.rows, rounded up to 16, times rows.columns floats.
inline void PackPositions(float* to, const ConstMatrix& rows) {
  for (std::size_t j = 0; j < rows.rows; j += virtual_lanes) {
    PackPanel(to + j * rows.columns, rows.data + j * rows.stride, rows.stride, std::min(virtual_lanes, rows.rows - j),
              rows.columns);
  }
}

/// Writes rows.rows times rows.columns, rounded up to whole panels, floats; those behind the last channel are zero.
inline void PackChannels(float* HWY_RESTRICT to, const ConstMatrix& rows) {
  const Lanes16Tag d;
  const ChannelPanels panels(to, rows.rows, rows.columns);
  const std::size_t width = panels.width;
  for (std::size_t t = 0; t < rows.rows; ++t) {
    const float* from = rows.data + t * rows.stride;
    float* place = to + t * width;
    std::size_t c = 0;
    for (; c + width <= rows.columns; c += width, place += panels.panel) {
      for (std::size_t v = 0; v < width; v += hn::Lanes(d)) hn::StoreU(hn::LoadU(d, from + c + v), d, place + v);
    }
    if (c == rows.columns) continue;
    for (std::size_t v = 0; v < width; v += hn::Lanes(d)) {
      const std::size_t left = std::min(rows.columns - std::min(rows.columns, c + v), hn::Lanes(d));
      hn::StoreU(left == 0 ? hn::Zero(d) : LoadPart(d, from + c + v, left), d, place + v);
    }
  }
}

/// Asks for rows that are needed soon. Whether they are to be read or written matters little: they are no one else's.
HWY_INLINE void PrefetchRows(const ConstMatrix& rows) {
  constexpr std::size_t line_floats = 16;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    for (std::size_t c = 0; c < rows.columns; c += line_floats) hwy::Prefetch(rows.data + i * rows.stride + c);
  }
}

/// Visits the tiles of rows [first, last), as equal as can be: visit(from, count).
template <class Visit>
HWY_INLINE void ForEachTile(std::size_t first, std::size_t last, std::size_t rows_max, const Visit& visit) {
  const std::size_t rows = last - first, count = (rows + rows_max - 1) / rows_max;
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t from = rows * n / count;
    visit(first + from, rows * (n + 1) / count - from);
  }
}

/// The end of the block that i is in, at the latest `last`.
HWY_INLINE std::size_t EndOfBlock(std::size_t i, std::size_t block, std::size_t last) {
  return std::min((i / block + 1) * block, last);
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
