#include "compute/schedule.hpp"

#include <algorithm>
#include <cassert>

#include "compute/scalar_math.hpp"

namespace compute {

namespace {

/// How far `step` is on the way from `first` to `last`: 0 up to `first`, 1 from `last` on.
double progress(std::uint64_t step, std::uint64_t first, std::uint64_t last) noexcept {
  if (step <= first) return 0;
  if (step >= last) return 1;
  return static_cast<double>(step - first) / static_cast<double>(last - first);
}

}  // namespace

double learning_rate(const Schedule& schedule, std::uint64_t step) noexcept {
  assert(step >= 1);
  step = std::min(step, std::max<std::uint64_t>(schedule.steps, 1));
  const std::uint64_t warmup = schedule.warmup_steps;
  if (step <= warmup) return schedule.peak * (static_cast<double>(step) / static_cast<double>(warmup));

  const double end = schedule.peak * schedule.final_fraction;
  const double fall = schedule.peak - end;
  switch (schedule.kind) {
    case ScheduleKind::constant:
      return schedule.peak;
    case ScheduleKind::cosine: {
      const double height = 0.5 * (1 + cos_pi(progress(step, warmup, schedule.steps)));
      return end + fall * height;
    }
    case ScheduleKind::linear:
      return end + fall * (1 - progress(step, warmup, schedule.steps));
    case ScheduleKind::wsd: {
      const double share = std::clamp(schedule.decay_fraction, 0.0, 1.0);
      const auto decay_steps = static_cast<std::uint64_t>(share * static_cast<double>(schedule.steps));
      const std::uint64_t decay_starts = std::max(warmup, schedule.steps - decay_steps);
      if (step <= decay_starts) return schedule.peak;
      return end + fall * (1 - progress(step, decay_starts, schedule.steps));
    }
  }
  return schedule.peak;
}

}  // namespace compute
