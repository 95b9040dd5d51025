#pragma once

// Measured time in the units that are shown.

#include <cstdint>

#include "sched/clock.hpp"

namespace pipeline {

using sched::now_ns;

inline double seconds(std::uint64_t nanoseconds) noexcept {
  return static_cast<double>(nanoseconds) * 1e-9;
}
inline double milliseconds(std::uint64_t nanoseconds) noexcept {
  return static_cast<double>(nanoseconds) * 1e-6;
}

}  // namespace pipeline
