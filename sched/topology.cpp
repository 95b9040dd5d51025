#include "sched/topology.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace sched {
namespace {

struct CpuSetFree {
  void operator()(cpu_set_t* set) const noexcept { CPU_FREE(set); }
};

CoreNumber parse_number(std::string_view text, std::string_view wanted) {
  CoreNumber number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    throw TopologyError("--cores " + std::string(wanted) + ": '" + std::string(text) +
                        "' is not a core; give a count (4) or a list (0-3,8)");
  return number;
}

std::vector<CoreNumber> parse_list(std::string_view wanted) {
  std::vector<CoreNumber> cores;
  for (std::size_t at = 0; at < wanted.size();) {
    const std::size_t comma = std::min(wanted.find(',', at), wanted.size());
    const std::string_view item = wanted.substr(at, comma - at);
    at = comma + 1;
    const std::size_t dash = item.find('-');
    const CoreNumber first = parse_number(item.substr(0, dash), wanted);
    const CoreNumber last = dash == item.npos ? first : parse_number(item.substr(dash + 1), wanted);
    if (last < first || last - first >= 65536)
      throw TopologyError("--cores " + std::string(wanted) + ": '" + std::string(item) + "' is not a range of cores");
    for (CoreNumber core = first; core <= last; ++core) cores.push_back(core);
  }
  return cores;
}

}  // namespace

std::vector<CoreNumber> allowed_cores() {
  // The mask of a machine with more than 1,024 processors does not fit a plain cpu_set_t: grow until it does.
  for (unsigned processors = 1024;; processors *= 2) {
    const std::unique_ptr<cpu_set_t, CpuSetFree> set(CPU_ALLOC(processors));
    const std::size_t bytes = CPU_ALLOC_SIZE(processors);
    if (sched_getaffinity(0, bytes, set.get()) != 0) {
      if (errno == EINVAL && processors < (1u << 20)) continue;
      throw TopologyError(std::string("cannot read the affinity mask: ") + std::strerror(errno));
    }
    std::vector<CoreNumber> cores;
    for (CoreNumber core = 0; core < processors; ++core)
      if (CPU_ISSET_S(core, bytes, set.get())) cores.push_back(core);
    return cores;
  }
}

std::vector<CoreNumber> choose_cores(std::string_view wanted, const std::vector<CoreNumber>& allowed) {
  if (wanted.empty()) return allowed;
  if (wanted.find_first_of(",-") == wanted.npos) {
    const CoreNumber count = parse_number(wanted, wanted);
    if (count == 0 || count > allowed.size())
      throw TopologyError("--cores " + std::string(wanted) + ": this process may use " +
                          std::to_string(allowed.size()) + " cores; give a count from 1 to that");
    return {allowed.begin(), allowed.begin() + count};
  }
  std::vector<CoreNumber> cores = parse_list(wanted);
  for (std::size_t i = 0; i < cores.size(); ++i) {
    if (std::find(allowed.begin(), allowed.end(), cores[i]) == allowed.end())
      throw TopologyError("--cores " + std::string(wanted) + ": core " + std::to_string(cores[i]) +
                          " is not among the cores this process may use");
    if (std::find(cores.begin(), cores.begin() + static_cast<std::ptrdiff_t>(i), cores[i]) !=
        cores.begin() + static_cast<std::ptrdiff_t>(i))
      throw TopologyError("--cores " + std::string(wanted) + ": core " + std::to_string(cores[i]) + " is named twice");
  }
  return cores;
}

}  // namespace sched
