#pragma once

// Every place where a coroutine of ours may suspend passes through here first, so that a test can have each of them
// fail in turn and see the run end in order. In a real run nothing is set, and it costs one load.

#include <atomic>

namespace sched {

/// Called with a word on the place; may throw what the await then throws. From any thread.
using SuspensionHook = void (*)(const char* where);

inline std::atomic<SuspensionHook> suspension_hook{nullptr};

inline void at_suspension(const char* where) {
  const SuspensionHook hook = suspension_hook.load(std::memory_order_relaxed);
  if (hook != nullptr) hook(where);
}

}  // namespace sched
