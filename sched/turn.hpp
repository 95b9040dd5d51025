#pragma once

// The turn of a core: of the workers bound to a core one at a time pulls and computes, so that no micro-batch lies with
// a worker whose core is busy while another core is idle. Touched on its core's executor only.

#include <asio/associated_cancellation_slot.hpp>
#include <asio/async_result.hpp>
#include <asio/error.hpp>
#include <asio/use_awaitable.hpp>
#include <system_error>
#include <utility>

#include "sched/suspension.hpp"
#include "sched/task.hpp"
#include "sched/wait_list.hpp"

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

  /// Awaits the turn; first come, first served.
  task<Lease> take() {
    at_suspension("take a turn");
    if (!taken_) {
      taken_ = true;
      co_return Lease(this);
    }
    Initiate initiate{this};
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::error_code)>(initiate, asio::use_awaitable);
    co_return Lease(this);
  }

 private:
  struct Initiate {
    Turn* turn;
    template <class Function>
    void operator()(Function&& function) const {
      auto slot = asio::get_associated_cancellation_slot(function);
      const std::uint64_t number = turn->waiting_.add(Handler<std::error_code>(std::forward<Function>(function)));
      if (!slot.is_connected()) return;
      slot.assign([turn = turn, number](asio::cancellation_type) {
        auto waiter = turn->waiting_.remove(number);
        if (waiter) waiter.complete(asio::error::operation_aborted);
      });
    }
  };

  void pass_on() {
    if (waiting_.empty()) {
      taken_ = false;
    } else {
      waiting_.pop().complete({});  // the turn stays taken: it is the next one's
    }
  }

  bool taken_ = false;
  WaitList<std::error_code> waiting_;
};

}  // namespace sched
