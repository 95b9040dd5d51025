#pragma once

// How much of the machine the control group of this process pays for.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace pipeline {

/// How many processors' worth of time the control group of this process grants, or nothing where it sets no bound. Less
/// than one counts as one; a part beyond whole ones is not counted: a thread that is stopped half of the time would
/// hold up every step.
///   `proc`, `groups`: where /proc/self/cgroup and /sys/fs/cgroup are.
std::optional<std::size_t> quota_cores(const std::string& proc = "/proc/self/cgroup",
                                       const std::string& groups = "/sys/fs/cgroup");

/// How many bytes of memory the control group of this process and those above it leave to it, or nothing where they set
/// no bound. What the system only keeps of files counts as left: it goes when the memory is needed.
std::optional<std::uint64_t> quota_memory_bytes(const std::string& proc = "/proc/self/cgroup",
                                                const std::string& groups = "/sys/fs/cgroup");

}  // namespace pipeline
