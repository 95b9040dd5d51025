#pragma once

// A place for one waiting coroutine that other threads complete without a lock. The building block of Pool: the one who
// waits and the ones who wake it agree by a single exchange who completes the wait.

#include <atomic>

namespace sched {

/// `Operation` derives from Waiter.
template <class Operation>
class alignas(64) WaitSlot {
 public:
  /// Makes the waiter visible. One wait at a time.
  void arm(Operation& operation) noexcept {
    // Sequentially consistent against the waker's "publish, then look for a waiter": one of the two sees the other.
    armed_.store(&operation, std::memory_order_seq_cst);
  }

  /// Whether somebody waits; a hint that `claim` may confirm.
  bool armed() const noexcept { return armed_.load(std::memory_order_seq_cst) != nullptr; }

  /// Takes the waiter out, at most once per `arm`; nullptr where somebody else has. The slot can be armed again as soon
  /// as the waiter has been woken.
  Operation* claim() noexcept { return armed_.exchange(nullptr, std::memory_order_seq_cst); }

 private:
  std::atomic<Operation*> armed_{nullptr};
};

}  // namespace sched
