#pragma once

// The turn of a core: of the workers bound to a core one at a time pulls and computes, so that no micro-batch lies with
// a worker whose core is busy while another core is idle. Touched on its core's executor only.

#include <utility>

#include "sched/suspension.hpp"
#include "sched/task.hpp"
#include "sched/wait_list.hpp"
#include "sched/waiter.hpp"

namespace sched {

class Turn {
 public:
  /// Holds the turn until it is destroyed, on the core's executor.
  class Lease {
   public:
    explicit Lease(Turn* turn) noexcept : turn_(turn) {}
    Lease(Lease&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (turn_ != nullptr) turn_->pass_on();
    }

   private:
    Turn* turn_;
  };

  /// Awaits the turn without allocating; first come, first served.
  class Taking : public Waiter {
   public:
    explicit Taking(Turn& turn) noexcept : turn_(turn) {}

    Suspension<Taking> wait() {
      at_suspension("take a turn");
      return {this};
    }
    /// Once, after the wait. Throws where it was stopped.
    Lease result() const {
      require_success();
      return Lease(&turn_);
    }

   private:
    friend Waiter;
    bool ready() noexcept { return !std::exchange(turn_.taken_, true); }
    void arm() noexcept { turn_.waiting_.add(*this); }
    void stop() noexcept {
      if (turn_.waiting_.remove(*this)) wake_stopped();
    }

    Turn& turn_;
  };

  /// The same in one expression, for a frame.
  task<Lease> take() {
    Taking taking(*this);
    co_await taking.wait();
    co_return taking.result();
  }

 private:
  void pass_on() {
    if (waiting_.empty()) {
      taken_ = false;
    } else {
      waiting_.pop()->wake();  // the turn stays taken: it is the next one's
    }
  }

  bool taken_ = false;
  WaitList<Taking> waiting_;
};

}  // namespace sched
