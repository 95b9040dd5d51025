#pragma once

// Time as it is measured: monotonic nanoseconds.

#include <chrono>
#include <cstdint>

namespace pipeline {

inline std::uint64_t now_ns() noexcept {
  const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since_start).count());
}

inline double seconds(std::uint64_t nanoseconds) noexcept {
  return static_cast<double>(nanoseconds) * 1e-9;
}
inline double milliseconds(std::uint64_t nanoseconds) noexcept {
  return static_cast<double>(nanoseconds) * 1e-6;
}

}  // namespace pipeline
