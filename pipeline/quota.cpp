#include "pipeline/quota.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "pipeline/control_group.hpp"

namespace pipeline {
namespace {

/// The bound that a file of version 2 ("max 100000", "150000 100000") sets, in processors.
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

/// The number that a file holds; nothing for "max".
std::optional<std::uint64_t> number_in(const std::string& path) {
  std::uint64_t number = 0;
  if (!(std::ifstream(path) >> number)) return std::nullopt;
  return number;
}

/// Of what a group uses, the pages of files. In version 1 the names without "total_" leave out the groups below.
std::uint64_t file_bytes(const ControlGroup& group) {
  const std::string_view inactive = group.unified ? "inactive_file" : "total_inactive_file";
  const std::string_view active = group.unified ? "active_file" : "total_active_file";
  std::ifstream stat(group.folder + "/memory.stat");
  std::uint64_t sum = 0, bytes = 0;
  for (std::string name; stat >> name >> bytes;)
    if (name == inactive || name == active) sum += bytes;
  return sum;
}

std::optional<std::uint64_t> left_in(const ControlGroup& group) {
  const auto limit = number_in(group.folder + (group.unified ? "/memory.max" : "/memory.limit_in_bytes"));
  const auto usage = number_in(group.folder + (group.unified ? "/memory.current" : "/memory.usage_in_bytes"));
  constexpr std::uint64_t unlimited = std::uint64_t{1} << 62;  // version 1 says so by a number above
  if (!limit || !usage || *limit >= unlimited) return std::nullopt;
  const std::uint64_t held = *usage - std::min(*usage, file_bytes(group));
  return *limit - std::min(*limit, held);
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

std::optional<std::uint64_t> quota_memory_bytes(const std::string& proc, const std::string& groups) {
  std::optional<std::uint64_t> least;
  for (const ControlGroup& group : control_groups("memory", proc, groups)) {
    const std::optional<std::uint64_t> left = left_in(group);
    if (left) least = least ? std::min(*least, *left) : *left;
  }
  return least;
}

}  // namespace pipeline
