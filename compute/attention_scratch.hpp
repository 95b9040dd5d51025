#pragma once

// The parts of the scratch memory that attention works in: linear in T. For the bodies of attention only.

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
      : positions_(aligned(all)),
        positions_floats_(positions_floats(shape)),
        channels_(positions_ + positions_count * positions_floats_),
        channels_floats_(channels_floats(shape)),
        lanes_(channels_ + channels_count * channels_floats_),
        rows_(lanes_ + virtual_lanes * virtual_lanes),
        rows_stride_(stride(shape.T)),
        rows_floats_(rows_floats(shape.T)),
        chain_rows_(chain_rows(shape.T)) {}

  /// Floats that the parts take, with what aligns them.
  static std::size_t floats(const AttentionShape& shape) noexcept {
    return virtual_lanes + positions_count * positions_floats(shape) + channels_count * channels_floats(shape) +
           virtual_lanes * virtual_lanes + 2 * rows_floats(shape.T);
  }

  /// A head's keys (0) and values (1), lanes along positions.
  float* positions(std::size_t index) const noexcept { return positions_ + index * positions_floats_; }
  /// Three times a head's rows, lanes along channels, and the sums of the gradients of keys (3) and values (4).
  float* channels(std::size_t index) const noexcept { return channels_ + index * channels_floats_; }
  /// 16 lanes of 16 rows.
  float* lanes() const noexcept { return lanes_; }
  /// `chain_rows` rows of probabilities, and as many of their gradients.
  float* probabilities() const noexcept { return rows_; }
  float* gradients() const noexcept { return rows_ + rows_floats_; }
  /// Floats from a row to the next.
  std::size_t rows_stride() const noexcept { return rows_stride_; }

  /// Positions that go through the backward pass together: a divisor of product_block and multiple of 16. As many as
  /// keep their rows in the second cache, since the sums of a key's gradients are loaded and stored once for each.
  std::size_t chain_rows() const noexcept { return chain_rows_; }

 private:
  static constexpr std::size_t positions_count = 2, channels_count = 5;
  static constexpr std::size_t panel_floats_max = 2 * virtual_lanes;  ///< channels are rounded up to whole panels
  /// 144 KiB: 128 rows at T = 256, 32 at T = 1,024. With 32 and 16 rows the backward pass took 7 and 4 % longer, with
  /// twice this memory 1 % less.
  static constexpr std::size_t rows_floats_max = 36'864;

  static constexpr std::size_t round_up(std::size_t n, std::size_t multiple) noexcept {
    return (n + multiple - 1) / multiple * multiple;
  }
  static float* aligned(float* floats) noexcept {
    constexpr std::uintptr_t bytes = virtual_lanes * sizeof(float);
    return reinterpret_cast<float*>((reinterpret_cast<std::uintptr_t>(floats) + bytes - 1) / bytes * bytes);
  }
  /// Not a power of two: the same keys of many rows would fall on a few sets of the first cache.
  static constexpr std::size_t stride(std::size_t T) noexcept { return round_up(T, virtual_lanes) + virtual_lanes; }
  static constexpr std::size_t chain_rows(std::size_t T) noexcept {
    std::size_t rows = product_block;
    while (rows > virtual_lanes && rows * stride(T) > rows_floats_max) rows /= 2;
    return rows;
  }
  static constexpr std::size_t rows_floats(std::size_t T) noexcept {
    return std::min(chain_rows(T), round_up(T, virtual_lanes)) * stride(T);
  }
  static std::size_t positions_floats(const AttentionShape& shape) noexcept {
    return round_up(shape.T, virtual_lanes) * shape.head_channels();
  }
  static std::size_t channels_floats(const AttentionShape& shape) noexcept {
    const std::size_t D = shape.head_channels();
    return round_up(shape.T, virtual_lanes) * (D <= virtual_lanes ? virtual_lanes : round_up(D, panel_floats_max));
  }

  float* positions_;
  std::size_t positions_floats_;
  float* channels_;
  std::size_t channels_floats_;
  float* lanes_;
  float* rows_;
  std::size_t rows_stride_, rows_floats_, chain_rows_;
};

}  // namespace compute
