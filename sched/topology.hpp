#pragma once

// Which cores this process may use, and which of them a run takes.

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sched {

/// A core as the kernel numbers it.
using CoreNumber = unsigned;

/// `--cores` names something this machine or this process does not have. The text is one line.
class TopologyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The cores of the process's affinity mask, rising.
std::vector<CoreNumber> allowed_cores();

/// What `--cores` means: "" all of `allowed`, in the order in which they are to be taken; "2" the first two, "0-3,8"
/// these (also "0," for the single core 0).
///   Throws TopologyError for a malformed list, a core named twice or not allowed, a count of 0 or beyond what is
///   there.
std::vector<CoreNumber> choose_cores(std::string_view wanted, const std::vector<CoreNumber>& allowed);

}  // namespace sched
