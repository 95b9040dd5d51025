#include "pipeline/placement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/quota.hpp"

namespace pipeline {
namespace {

/// "0-3,8".
std::string list_of(std::vector<sched::CoreNumber> numbers) {
  std::sort(numbers.begin(), numbers.end());
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[i]);
    if (last > i) text += fmt::format("-{}", numbers[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace

Placement place(const DataSettings& settings) {
  const std::vector<sched::Processor> processors = sched::machine_processors();
  const std::vector<sched::CoreNumber> allowed = sched::allowed_cores();
  std::vector<sched::CoreNumber> order = sched::placement_order(processors, allowed);
  Placement placement;
  placement.quota = quota_cores();
  // More threads than the group pays for would be stopped in turn, and each step waits for the one that is.
  if (settings.cores.empty() && placement.quota && *placement.quota < order.size()) order.resize(*placement.quota);
  placement.executors = sched::choose_cores(settings.cores, order);
  placement.ingest = sched::ingest_place(processors, allowed, placement.executors);
  placement.nodes_count = sched::nodes_count(processors, placement.executors);
  return placement;
}

std::string placement_line(const Placement& placement, bool pinned) {
  std::string line =
      fmt::format("placement: executors on {}{}", list_of(placement.executors), pinned ? "" : ", not pinned");
  if (placement.nodes_count > 1) line += fmt::format(" in {} NUMA nodes", placement.nodes_count);
  line +=
      placement.ingest.empty() || !pinned ? "; ingest beside them" : "; ingest apart on " + list_of(placement.ingest);
  if (placement.quota) line += fmt::format("; the control group grants {} cores", *placement.quota);
  return line;
}

}  // namespace pipeline
