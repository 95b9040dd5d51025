#pragma once

// A gate in front of each step, one per core: a worker waits until the control has published that step's weights. It is
// touched on its core's executor only, so it needs neither lock nor atomic; the control opens it by posting there.

#include <asio/associated_cancellation_slot.hpp>
#include <asio/async_result.hpp>
#include <asio/error.hpp>
#include <asio/use_awaitable.hpp>
#include <cstdint>
#include <system_error>
#include <utility>

#include "sched/suspension.hpp"
#include "sched/task.hpp"
#include "sched/wait_list.hpp"

namespace sched {

class Gate {
 public:
  /// Lets everyone pass whose step is at most `step`.
  void open(std::uint64_t step) {
    open_step_ = step;
    while (!waiting_.empty()) waiting_.pop().complete({});  // those of later steps wait again
  }

  /// Awaits the opening for `step`.
  task<void> wait(std::uint64_t step) {
    at_suspension("wait at a gate");
    while (open_step_ < step) {
      Initiate initiate{this};
      co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::error_code)>(initiate,
                                                                                           asio::use_awaitable);
    }
  }

 private:
  struct Initiate {
    Gate* gate;
    template <class Function>
    void operator()(Function&& function) const {
      auto slot = asio::get_associated_cancellation_slot(function);
      const std::uint64_t number = gate->waiting_.add(Handler<std::error_code>(std::forward<Function>(function)));
      if (!slot.is_connected()) return;
      slot.assign([gate = gate, number](asio::cancellation_type) {
        auto waiter = gate->waiting_.remove(number);
        if (waiter) waiter.complete(asio::error::operation_aborted);
      });
    }
  };

  std::uint64_t open_step_ = 0;
  WaitList<std::error_code> waiting_;
};

}  // namespace sched
