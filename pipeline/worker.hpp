#pragma once

// A compute coroutine: pulls micro-batches, computes their gradients against weights that nobody writes meanwhile, and
// hands each over at the boundary.

#include <cstddef>

#include "pipeline/run.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// Runs on the executor of core `worker % cores` until the channel is finished and drained.
sched::task<void> work(Run& run, std::size_t worker);

}  // namespace pipeline
