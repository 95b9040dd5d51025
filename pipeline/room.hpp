#pragma once

// Whether there is room for what a run will take, asked before anything of it is allocated.

#include "pipeline/memory.hpp"
#include "pipeline/step_sum.hpp"

namespace pipeline {

/// Throws RefusedError, with the figures and what would take less, where the plan takes more memory than there is.
///   gradients: lean or fast, as in the plan.
void require_room(const MemoryPlan& plan, GradientMemory gradients);

}  // namespace pipeline
