#include "compute/lanes.hpp"

#include <cmath>
#include <limits>

namespace compute::plain {

void Sum16::add_product(std::size_t i, float a, float b) noexcept {
  float& lane = lane_[i % virtual_lanes];
  lane = std::fma(a, b, lane);
}

float Sum16::fold() const noexcept {
  std::array<float, virtual_lanes> lane = lane_;
  for (std::size_t width = virtual_lanes / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) lane[i] += lane[i + width];
  }
  return lane[0];
}

float sum16(std::span<const float> x) noexcept {
  Sum16 sum;
  for (std::size_t i = 0; i < x.size(); ++i) sum.add(i, x[i]);
  return sum.fold();
}

float max16(std::span<const float> x) noexcept {
  const auto keep_larger = [](float& largest, float candidate) { largest = candidate > largest ? candidate : largest; };
  std::array<float, virtual_lanes> lane;
  lane.fill(-std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < x.size(); ++i) keep_larger(lane[i % virtual_lanes], x[i]);
  for (std::size_t width = virtual_lanes / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) keep_larger(lane[i], lane[i + width]);
  }
  return lane[0];
}

}  // namespace compute::plain
