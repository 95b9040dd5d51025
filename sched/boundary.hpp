#pragma once

// Where a finished piece of work changes hands: one side hands over, the other awaits. Ownership of what the pointer
// names passes with it; nothing is locked.

#include <atomic>
#include <cassert>
#include <cstdint>

#include "sched/suspension.hpp"
#include "sched/task.hpp"
#include "sched/waiter.hpp"

namespace sched {

/// One awaiting coroutine; any thread may hand over, one value at a time: the next only after the last was received.
template <class T>
class Boundary {
 public:
  /// Awaits the next value handed over, without allocating.
  class Receiving : public Waiter {
   public:
    explicit Receiving(Boundary& boundary) noexcept : boundary_(boundary) {}

    Suspension<Receiving> wait() {
      at_suspension("receive at a boundary");
      return {this};
    }
    /// Once, after the wait. Throws where it was stopped.
    T* result() const {
      require_success();
      return value_;
    }

   private:
    friend Boundary;
    friend Waiter;
    bool ready() noexcept {
      if (boundary_.state_.load(std::memory_order_relaxed) == empty) return false;
      take_value();
      return true;
    }
    void arm() noexcept {
      boundary_.waiter_ = this;
      std::uintptr_t expected = empty;
      if (boundary_.state_.compare_exchange_strong(expected, awaited, std::memory_order_acq_rel)) return;
      take_value();  // it came meanwhile
      wake();
    }
    void stop() noexcept {
      std::uintptr_t expected = awaited;
      if (boundary_.state_.compare_exchange_strong(expected, empty, std::memory_order_acq_rel)) wake_stopped();
    }
    void take_value() noexcept {
      value_ = reinterpret_cast<T*>(boundary_.state_.exchange(empty, std::memory_order_acq_rel));
    }

    Boundary& boundary_;
    T* value_ = nullptr;
  };

  /// From any thread. The awaiting coroutine goes on where it runs.
  void hand_over(T* value) noexcept {
    const std::uintptr_t previous = state_.exchange(reinterpret_cast<std::uintptr_t>(value), std::memory_order_acq_rel);
    assert((previous == empty || previous == awaited) && "a value was handed over before the last one was received");
    // Who sees `awaited` go is the only one to wake the waiter.
    if (previous != awaited) return;
    Receiving* const waiter = waiter_;
    waiter->take_value();
    waiter->wake();
  }

  /// Receiving in one expression, for a frame.
  task<T*> receive() {
    Receiving receiving(*this);
    co_await receiving.wait();
    co_return receiving.result();
  }

 private:
  static constexpr std::uintptr_t empty = 0;
  static constexpr std::uintptr_t awaited = 1;  // no object lies at this address

  std::atomic<std::uintptr_t> state_{empty};
  Receiving* waiter_ = nullptr;
};

}  // namespace sched
