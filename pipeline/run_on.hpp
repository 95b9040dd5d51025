#pragma once

// From plain functions into coroutines.

#include "io/files.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// Runs `task` to its end on the calling thread, which is that of `files`. Throws what it throws.
void run_on(io::Files& files, sched::task<void> task);

}  // namespace pipeline
