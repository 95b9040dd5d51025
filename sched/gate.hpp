#pragma once

// A gate in front of each step, one per core: a worker waits until the control has published that step's weights. It is
// touched on its core's executor only, so it needs neither lock nor atomic; the control opens it by posting there.

#include <cstdint>

#include "sched/suspension.hpp"
#include "sched/wait_list.hpp"
#include "sched/waiter.hpp"

namespace sched {

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
    friend Gate;
    friend Waiter;
    bool ready() const noexcept { return step_ <= gate_.open_step_; }
    void arm() noexcept { gate_.waiting_.add(*this); }
    void stop() noexcept {
      if (gate_.waiting_.remove(*this)) wake_stopped();
    }

    Gate& gate_;
    const std::uint64_t step_;
  };

  /// Lets everyone pass whose step is at most `step`.
  void open(std::uint64_t step) noexcept {
    open_step_ = step;
    WaitList<Passing> later;
    while (!waiting_.empty()) {
      Passing* const passing = waiting_.pop();
      if (passing->ready()) {
        passing->wake();
      } else {
        later.add(*passing);
      }
    }
    waiting_ = later;
  }

 private:
  std::uint64_t open_step_ = 0;
  WaitList<Passing> waiting_;
};

}  // namespace sched
