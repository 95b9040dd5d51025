#include "pipeline/quota.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

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

bool names_cpu(const std::string& controllers) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');)
    if (name == "cpu") return true;
  return false;
}

}  // namespace

std::optional<std::size_t> quota_cores(const std::string& proc, const std::string& groups) {
  std::ifstream file(proc);
  std::optional<double> least;
  const auto bound = [&least](std::optional<double> cores) {
    if (cores) least = least ? std::min(*least, *cores) : *cores;
  };
  for (std::string line; std::getline(file, line);) {
    // "0::/a/b" of version 2, "4:cpu,cpuacct:/a/b" of version 1. Every group above has its say.
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && !names_cpu(controllers)) continue;
    std::string path = line.substr(second + 1);
    for (;;) {
      if (controllers.empty()) {
        bound(bound_of(groups + path + "/cpu.max"));
      } else {
        bound(old_bound_of(groups + "/" + controllers + path));
        bound(old_bound_of(groups + "/cpu" + path));
      }
      const std::size_t slash = path.rfind('/');
      if (slash == path.npos || path.empty()) break;
      path.erase(slash);
    }
  }
  if (!least) return std::nullopt;
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::floor(*least + 1e-6)));
}

}  // namespace pipeline
