#pragma once

// Where the threads of a run stand: its executors and its ring thread.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/settings.hpp"
#include "sched/machine.hpp"

namespace pipeline {

struct Placement {
  std::vector<sched::CoreNumber> executors;
  std::vector<sched::CoreNumber> ingest;  ///< of the ring thread; none: beside the executors
  std::size_t nodes_count = 1;            ///< NUMA nodes of the executors
  std::optional<std::size_t> quota;       ///< cores' worth of time that the control group grants
};

/// What --cores takes of the processors that the affinity mask allows and the control group pays for.
///   Throws sched::TopologyError.
Placement place(const DataSettings& settings);

/// One line for the user.
std::string placement_line(const Placement& placement, bool pinned);

}  // namespace pipeline
