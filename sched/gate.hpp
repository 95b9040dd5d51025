#pragma once

// A gate in front of each step, one per core: a worker waits until the control has published that step's weights. The
// control opens it from its own thread, without a lock.

#include <atomic>
#include <cassert>
#include <cstdint>

#include "sched/suspension.hpp"
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
      assert(step_ != 0 && gate.awaited_step_.load() == 0);
      gate.passing_ = this;
      gate.awaited_step_.store(step_, std::memory_order_seq_cst);
      gate.serve();  // it may have been opened between the failed try and the arming
    }
    void stop() noexcept {
      if (gate_.claim(step_)) wake_stopped();
    }

    Gate& gate_;
    const std::uint64_t step_;
  };

  /// Lets everyone pass whose step is at most `step`; steps count from 1. From any thread, one at a time.
  void open(std::uint64_t step) noexcept {
    open_step_.store(step, std::memory_order_seq_cst);
    serve();
  }

 private:
  // Of one who waits and the two who may serve it, sequential consistency has one see the other.
  void serve() noexcept {
    const std::uint64_t step = awaited_step_.load(std::memory_order_seq_cst);
    if (step == 0 || step > open_step_.load(std::memory_order_seq_cst) || !claim(step)) return;
    passing_->wake();
  }

  /// Whether the caller is the one who completes a wait for this step. By the step, not by who waits: who was looked at
  /// may have been served by the other thread meanwhile, and may now wait here again, for a step that is not open.
  bool claim(std::uint64_t step) noexcept {
    return awaited_step_.compare_exchange_strong(step, 0, std::memory_order_seq_cst);
  }

  alignas(64) std::atomic<std::uint64_t> awaited_step_{0};  // 0: nobody waits
  Passing* passing_ = nullptr;                              // who waits; of who has claimed it, then of who arms
  std::atomic<std::uint64_t> open_step_{0};
};

}  // namespace sched
