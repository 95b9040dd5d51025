#include "pipeline/room.hpp"

#include <fmt/format.h>

#include <optional>

#include "pipeline/settings.hpp"

namespace pipeline {

void require_room(const MemoryPlan& plan, GradientMemory gradients) {
  const std::optional<AvailableMemory> available = available_memory();
  if (!available || plan.total_bytes() <= available->bytes) return;
  throw RefusedError(fmt::format(
      "the run needs {}, and {} MiB are left {}; take {}a smaller --model, --micro-batch or --seq-len, fewer "
      "--cores, or --recompute",
      plan.description(), available->bytes >> 20, available->where,
      gradients == GradientMemory::fast ? "--gradient-memory lean, " : ""));
}

}  // namespace pipeline
