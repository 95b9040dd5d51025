#include "pipeline/control_group.hpp"

#include <fstream>
#include <sstream>

namespace pipeline {
namespace {

bool names(const std::string& controllers, std::string_view controller) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');)
    if (name == controller) return true;
  return false;
}

}  // namespace

std::vector<ControlGroup> control_groups(std::string_view controller, const std::string& proc,
                                         const std::string& groups) {
  std::vector<ControlGroup> found;
  std::ifstream file(proc);
  for (std::string line; std::getline(file, line);) {
    // "0::/a/b" of version 2, "4:cpu,cpuacct:/a/b" of version 1.
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && !names(controllers, controller)) continue;
    std::string path = line.substr(second + 1);
    for (;;) {
      if (controllers.empty()) {
        found.push_back({groups + path, true});
      } else {
        found.push_back({groups + "/" + controllers + path, false});
        found.push_back({groups + "/" + std::string(controller) + path, false});
      }
      const std::size_t slash = path.rfind('/');
      if (slash == path.npos || path.empty()) break;
      path.erase(slash);
    }
  }
  return found;
}

}  // namespace pipeline
