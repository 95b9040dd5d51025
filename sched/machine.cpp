#include "sched/machine.hpp"

#include <hwloc.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>

namespace sched {
namespace {

struct TopologyDestroy {
  void operator()(hwloc_topology_t topology) const noexcept { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, TopologyDestroy>;

Topology load(const char* synthetic) {
  hwloc_topology_t made = nullptr;
  if (hwloc_topology_init(&made) != 0) throw TopologyError("hwloc cannot be started");
  Topology topology(made);
  if (synthetic != nullptr && hwloc_topology_set_synthetic(topology.get(), synthetic) != 0)
    throw TopologyError(std::string("hwloc does not understand '") + synthetic + "'");
  // What the process may not use is left to `allowed`, so that the numbers stay those of the machine.
  hwloc_topology_set_flags(topology.get(), HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
  if (hwloc_topology_load(topology.get()) != 0) throw TopologyError("hwloc cannot read the machine's topology");
  return topology;
}

std::vector<Processor> read(hwloc_topology_t topology) {
  std::vector<Processor> processors;
  for (hwloc_obj_t unit = nullptr; (unit = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, unit)) != nullptr;) {
    Processor processor{unit->os_index, unit->logical_index, 0, 0, 0};
    if (const hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, unit)) {
      processor.core = core->logical_index;
      processor.thread = static_cast<unsigned>(hwloc_bitmap_weight(core->cpuset)) > 1 ? unit->sibling_rank : 0;
    }
    for (hwloc_obj_t above = unit; above != nullptr; above = above->parent)
      if (hwloc_obj_type_is_dcache(above->type)) processor.cache = above->logical_index;
    for (hwloc_obj_t node = nullptr;
         (node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != nullptr;)
      if (hwloc_bitmap_isset(node->cpuset, unit->os_index)) processor.node = node->logical_index;
    processors.push_back(processor);
  }
  if (processors.empty()) throw TopologyError("hwloc finds no processor");
  return processors;
}

const Processor* find(const std::vector<Processor>& processors, CoreNumber number) {
  for (const Processor& processor : processors)
    if (processor.number == number) return &processor;
  return nullptr;
}

}  // namespace

std::vector<Processor> machine_processors() {
  return read(load(nullptr).get());
}

std::vector<Processor> synthetic_processors(const std::string& description) {
  return read(load(description.c_str()).get());
}

std::vector<CoreNumber> placement_order(const std::vector<Processor>& processors,
                                        const std::vector<CoreNumber>& allowed) {
  using Place = std::tuple<unsigned, unsigned, unsigned, unsigned, CoreNumber>;
  // A core whose first thread is not allowed counts by those that are.
  std::vector<Place> places;
  for (const CoreNumber number : allowed) {
    const Processor* const processor = find(processors, number);
    if (processor == nullptr) {
      places.emplace_back(0, 0, 0, 0, number);  // hwloc does not know it: a core of its own
      continue;
    }
    unsigned before = 0;
    for (const CoreNumber other : allowed) {
      const Processor* const sibling = find(processors, other);
      before += sibling != nullptr && sibling->core == processor->core && sibling->thread < processor->thread;
    }
    places.emplace_back(before, processor->node, processor->cache, processor->core, number);
  }
  std::sort(places.begin(), places.end());
  std::vector<CoreNumber> order;
  for (const Place& place : places) order.push_back(std::get<4>(place));
  return order;
}

std::vector<CoreNumber> ingest_place(const std::vector<Processor>& processors, const std::vector<CoreNumber>& allowed,
                                     const std::vector<CoreNumber>& executors) {
  const auto core_of = [&](CoreNumber number) {
    const Processor* const processor = find(processors, number);
    return processor == nullptr ? number : processor->core;
  };
  const auto node_of = [&](CoreNumber number) {
    const Processor* const processor = find(processors, number);
    return processor == nullptr ? 0 : processor->node;
  };
  std::set<unsigned> taken;  // cores: the second thread of one that computes is not apart from it
  for (const CoreNumber number : executors) taken.insert(core_of(number));
  std::vector<CoreNumber> apart, near;
  for (const CoreNumber number : allowed) {
    if (taken.contains(core_of(number))) continue;
    apart.push_back(number);
    if (!executors.empty() && node_of(number) == node_of(executors.front())) near.push_back(number);
  }
  return near.empty() ? apart : near;
}

std::size_t nodes_count(const std::vector<Processor>& processors, const std::vector<CoreNumber>& executors) {
  std::set<unsigned> nodes;
  for (const CoreNumber number : executors)
    if (const Processor* const processor = find(processors, number)) nodes.insert(processor->node);
  return std::max<std::size_t>(1, nodes.size());
}

}  // namespace sched
