#pragma once

// Where the bounds stand that the system sets for a group of processes, this one among them.

#include <string>
#include <string_view>
#include <vector>

namespace pipeline {

/// A folder with the files of one control group.
struct ControlGroup {
  std::string folder;
  bool unified;  ///< of version 2, where each group has the files of all controllers
};

/// The groups that bound this process in what the controller ("cpu", "memory") hands out: its own and all above, as
/// every one has its say. A folder among them need not exist.
///   `proc`, `groups`: where /proc/self/cgroup and /sys/fs/cgroup are.
std::vector<ControlGroup> control_groups(std::string_view controller, const std::string& proc,
                                         const std::string& groups);

}  // namespace pipeline
