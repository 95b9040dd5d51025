#pragma once

// A gate in front of each step, one per core: a worker waits until the control has published that step's weights. The
// control opens it from its own thread, without a lock.

#include <atomic>
#include <cassert>
#include <cstdint>

#include "sched/suspension.hpp"
#include "sched/wait_slot.hpp"
#include "sched/waiter.hpp"

namespace sched {

/// One waits at a time: on each core, the worker that has its turn.
class Gate {
 public:
  /// Awaits the opening for a step, without allocating.
  class Passing : public Waiter {
   public:
    Passing(Gate& gate, std::uint64_t step) noexcept : gate_(gate), step_(step) {}

    Suspension<Passing> wait() {
      at_suspension("wait at a gate");
      return {this};
    }
    /// After the wait. Throws where it was stopped.
    void result() const { require_success(); }

   private:
    friend Waiter;
    bool ready() const noexcept { return step_ <= gate_.open_step_.load(std::memory_order_seq_cst); }
    void arm() noexcept {
      Gate& gate = gate_;  // once it is armed this may be gone
      assert(!gate.slot_.armed());
      gate.awaited_step_.store(step_, std::memory_order_relaxed);
      gate.slot_.arm(*this);
      gate.serve();  // it may have been opened between the failed try and the arming
    }
    void stop() noexcept {
      if (gate_.slot_.claim() != nullptr) wake_stopped();
    }

    Gate& gate_;
    const std::uint64_t step_;
  };

  /// Lets everyone pass whose step is at most `step`. From any thread, one at a time.
  void open(std::uint64_t step) noexcept {
    open_step_.store(step, std::memory_order_seq_cst);
    serve();
  }

 private:
  void serve() noexcept {
    if (!slot_.armed() || awaited_step_.load(std::memory_order_relaxed) > open_step_.load(std::memory_order_seq_cst))
      return;
    if (Passing* const passing = slot_.claim()) passing->wake();
  }

  WaitSlot<Passing> slot_;
  std::atomic<std::uint64_t> awaited_step_{0};  // of who is in the slot
  std::atomic<std::uint64_t> open_step_{0};
};

}  // namespace sched
