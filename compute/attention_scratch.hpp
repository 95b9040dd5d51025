#pragma once

// The parts of the scratch memory that attention works in. For the bodies of attention only.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "compute/attention.hpp"
#include "compute/lanes.hpp"
#include "compute/product.hpp"

namespace compute {

class AttentionScratch {
 public:
  AttentionScratch(float* all, const AttentionShape& shape) noexcept
      : T_(shape.T),
        positions_(aligned(all)),
        channels_(positions_ + round_up(T_, virtual_lanes) * shape.head_channels()),
        channels_floats_(channels_floats(shape)),
        lanes_(channels_ + channels_count * channels_floats_),
        rows_(lanes_ + virtual_lanes * virtual_lanes),
        rows_stride_(stride(T_)) {}

  /// Floats that the parts take, with what aligns them.
  static std::size_t floats(const AttentionShape& shape) noexcept {
    const std::size_t rows = std::max(virtual_lanes, std::min(shape.T, product_block));
    return virtual_lanes + round_up(shape.T, virtual_lanes) * shape.head_channels() +
           channels_count * channels_floats(shape) + virtual_lanes * virtual_lanes + rows * stride(shape.T);
  }

  std::size_t T() const noexcept { return T_; }
  /// A head's keys or values, lanes along positions.
  float* positions() const noexcept { return positions_; }
  /// Three times a head's rows, lanes along channels.
  float* channels(std::size_t index) const noexcept { return channels_ + index * channels_floats_; }
  /// 16 lanes of 16 rows.
  float* lanes() const noexcept { return lanes_; }
  /// Rows of scores, or of their gradients: 16 forward, those of a block backward.
  float* rows() const noexcept { return rows_; }
  /// Floats from a row to the next.
  std::size_t rows_stride() const noexcept { return rows_stride_; }

 private:
  static constexpr std::size_t channels_count = 3;
  static constexpr std::size_t panel_floats_max = 2 * virtual_lanes;  ///< channels are rounded up to whole panels

  static constexpr std::size_t round_up(std::size_t n, std::size_t multiple) noexcept {
    return (n + multiple - 1) / multiple * multiple;
  }
  static float* aligned(float* floats) noexcept {
    constexpr std::uintptr_t bytes = virtual_lanes * sizeof(float);
    return reinterpret_cast<float*>((reinterpret_cast<std::uintptr_t>(floats) + bytes - 1) / bytes * bytes);
  }
  /// Not a power of two: the same keys of many rows would fall on a few sets of the first cache.
  static constexpr std::size_t stride(std::size_t T) noexcept {
    return round_up(T, virtual_lanes) + virtual_lanes;
  }
  static std::size_t channels_floats(const AttentionShape& shape) noexcept {
    const std::size_t D = shape.head_channels();
    return round_up(shape.T, virtual_lanes) * (D <= virtual_lanes ? virtual_lanes : round_up(D, panel_floats_max));
  }

  std::size_t T_;
  float* positions_;
  float* channels_;
  std::size_t channels_floats_;
  float* lanes_;
  float* rows_;
  std::size_t rows_stride_;
};

}  // namespace compute
