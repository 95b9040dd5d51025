#pragma once

// What this machine's arithmetic can do.

#include <string_view>

namespace compute {

/// Raised whenever a change alters the bits of training; kept in checkpoints.
inline constexpr int arithmetic_version = 3;

/// Whether fused multiply-adds run in hardware; training is refused without.
bool has_fma() noexcept;

/// The instruction set the kernels run with, e.g. "AVX2", "AVX3".
std::string_view instruction_set() noexcept;

/// Rounding to nearest, gradual underflow: the mode that every thread that computes must be in.
void set_floating_point_mode() noexcept;

}  // namespace compute
