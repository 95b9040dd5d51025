#pragma once

// How evenly a step's micro-batches divide over the cores. A step ends with its last micro-batch: 12 on 8 cores take
// two rounds, and in the second four cores have nothing to do.

#include <cstddef>
#include <string>

namespace pipeline {

/// The share of the cores' time that a step of equally long micro-batches can use, 0 to 1.
double balance(std::size_t step_batches_count, std::size_t cores_count);

/// One line for the user: the share, and where it is below 95 % what would do better.
///   `workers`, `accumulate`: as they are set; their product is the step's micro-batches.
std::string balance_line(std::size_t workers, std::size_t accumulate, std::size_t cores_count);

}  // namespace pipeline
