#pragma once

// Learning-rate schedules as pure functions of the step; the same bits on every machine (no libm).

#include <cstdint>

namespace compute {

enum class ScheduleKind { constant, cosine, wsd, linear };

struct Schedule {
  ScheduleKind kind = ScheduleKind::cosine;
  double peak = 1e-3;              ///< learning rate after warm-up
  double final_fraction = 0.1;     ///< cosine, linear and wsd end at peak * final_fraction
  std::uint64_t warmup_steps = 0;  ///< linear from peak / warmup_steps up to peak
  std::uint64_t steps = 1;         ///< length of the run
  double decay_fraction = 0.2;     ///< wsd: share of the run in which the rate falls linearly
};

/// Learning rate of a step; the first step is 1. Steps past the end keep the last value.
double learning_rate(const Schedule& schedule, std::uint64_t step) noexcept;

}  // namespace compute
