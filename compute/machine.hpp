#pragma once

// What this machine gives at most, measured: the yardsticks of profiles and benchmarks.

#include <cstddef>
#include <span>

namespace compute {

/// Does `rounds` rounds of fused multiply-adds that wait for nothing but themselves; returns their flops. Whoever times
/// the call has the peak of one core.
double run_multiply_adds(std::size_t rounds) noexcept;

/// out = a + b over memory larger than the caches measures its bandwidth: 12 bytes a float, as STREAM counts.
inline constexpr double bandwidth_bytes_per_float = 12;

}  // namespace compute
