#include "pipeline/quota.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "pipeline/control_group.hpp"

namespace pipeline {
namespace {

/// The bound that a file of version 2 ("max 100000", "150000 100000") sets, in
/// processors.
std::optional<double> bound_of(const std::string& path) {
  std::ifstream file(path);
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return std::nullopt;
  return std::strtod(quota.c_str(), nullptr) / period;
}

/// Version 1 has a file for each of the two numbers.
std::optional<double> old_bound_of(const std::string& folder) {
  double quota = 0, period = 0;
  if (!(std::ifstream(folder + "/cpu.cfs_quota_us") >> quota) || quota <= 0) return std::nullopt;
  if (!(std::ifstream(folder + "/cpu.cfs_period_us") >> period) || period <= 0) return std::nullopt;
  return quota / period;
}

}  // namespace

std::optional<std::size_t> quota_cores(const std::string& proc, const std::string& groups) {
  std::optional<double> least;
  for (const ControlGroup& group : control_groups("cpu", proc, groups)) {
    const std::optional<double> cores =
        group.unified ? bound_of(group.folder + "/cpu.max") : old_bound_of(group.folder);
    if (cores) least = least ? std::min(*least, *cores) : *cores;
  }
  if (!least) return std::nullopt;
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::floor(*least + 1e-6)));
}

}  // namespace pipeline
