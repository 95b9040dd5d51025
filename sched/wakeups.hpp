#pragma once

// How often an executor is given something to run by another thread: each of these may have to wake it from its sleep
// in the kernel. Counted where it runs, in a counter that only its thread writes.

#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>

namespace sched {

/// The counter of the executor whose thread this is; nullptr on other threads, which are not counted.
inline thread_local std::atomic<std::uint64_t>* wakeups_here = nullptr;

inline void count_wakeup() noexcept {
  if (wakeups_here == nullptr) return;
  wakeups_here->store(wakeups_here->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

/// A function for another executor that counts as a wake-up there, if it came from another thread.
template <class Function>
class Wakeup {
 public:
  explicit Wakeup(Function function) : function_(std::move(function)) {}

  void operator()() {
    if (from_ != std::this_thread::get_id()) count_wakeup();
    std::move(function_)();
  }

 private:
  std::thread::id from_ = std::this_thread::get_id();
  Function function_;
};

}  // namespace sched
