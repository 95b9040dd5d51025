#pragma once

// The machine as hwloc sees it: processors, the cores they belong to, caches and NUMA nodes. From this a run decides
// where its executors and its ring thread stand.

#include <cstddef>
#include <string>
#include <vector>

#include "sched/topology.hpp"

namespace sched {

/// A processor as the kernel numbers it: a core, or one of a core's hardware threads.
struct Processor {
  CoreNumber number;
  unsigned core;    ///< physical, counted from 0 over the machine
  unsigned thread;  ///< of its core, from 0
  unsigned cache;   ///< processors that share their last cache have the same
  unsigned node;    ///< NUMA
};

/// All processors of this machine, or of a made-up one in hwloc's notation ("node:2 core:6 pu:2").
///   Throws TopologyError where hwloc cannot say or does not understand.
std::vector<Processor> machine_processors();
std::vector<Processor> synthetic_processors(const std::string& description);

/// The order in which a run takes processors: one thread of each core before any second ones, and of these one NUMA
/// node after the other, one cache after the other. So a few executors stand close together, and share no core.
std::vector<CoreNumber> placement_order(const std::vector<Processor>& processors,
                                        const std::vector<CoreNumber>& allowed);

/// Where the ring thread stands: apart from the executors, on processors that are allowed and not theirs, those of the
/// first executor's node if it has any. Empty where there are none: it then runs beside them, on whichever is free.
/// Measured: reading, tokenizing and packing take a hundredth of a core and less at the rate at which a core trains
/// (docs/scaling.md), so giving up a core for it would cost a core and win a hundredth.
std::vector<CoreNumber> ingest_place(const std::vector<Processor>& processors, const std::vector<CoreNumber>& allowed,
                                     const std::vector<CoreNumber>& executors);

/// NUMA nodes that these processors stand on.
std::size_t nodes_count(const std::vector<Processor>& processors, const std::vector<CoreNumber>& executors);

}  // namespace sched
