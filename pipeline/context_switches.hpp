#pragma once

// How often the kernel took a thread of this process off its processor.

#include <sys/resource.h>

#include <cstdint>

namespace pipeline {

struct ContextSwitches {
  std::uint64_t voluntary = 0;    ///< it waited
  std::uint64_t involuntary = 0;  ///< something else wanted the processor

  ContextSwitches& operator+=(const ContextSwitches& more) noexcept {
    voluntary += more.voluntary;
    involuntary += more.involuntary;
    return *this;
  }
  ContextSwitches operator-(const ContextSwitches& before) const noexcept {
    return {voluntary - before.voluntary, involuntary - before.involuntary};
  }
};

/// Of all threads until now.
inline ContextSwitches context_switches() noexcept {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {static_cast<std::uint64_t>(usage.ru_nvcsw), static_cast<std::uint64_t>(usage.ru_nivcsw)};
}

}  // namespace pipeline
