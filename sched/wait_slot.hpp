#pragma once

// A place for one waiting coroutine that other threads complete without a lock. The building block of Pool and
// Boundary: the one who waits and the ones who wake it agree by a single exchange who completes the wait.

#include <asio/associated_cancellation_slot.hpp>
#include <asio/error.hpp>
#include <atomic>
#include <system_error>

#include "sched/handler.hpp"

namespace sched {

template <class T>
class alignas(64) WaitSlot {
 public:
  using Waiter = Handler<std::error_code, T>;

  /// Stores the waiter and makes it visible. One wait at a time. Cancellation completes it with operation_aborted.
  template <class Function>
  void arm(Function&& function) {
    auto slot = asio::get_associated_cancellation_slot(function);
    waiter_ = Waiter(std::forward<Function>(function));
    if (slot.is_connected())
      slot.assign([this](asio::cancellation_type) {
        Waiter waiter;
        if (claim(waiter)) waiter.complete(asio::error::operation_aborted, T{});
      });
    // Sequentially consistent against the waker's "publish, then look for a waiter": one of the two sees the other.
    armed_.store(true, std::memory_order_seq_cst);
  }

  /// Whether somebody waits; a hint that `claim` may confirm.
  bool armed() const noexcept { return armed_.load(std::memory_order_seq_cst); }

  /// Takes the waiter out, at most once per `arm`. The slot can be armed again as soon as the waiter has been
  /// completed.
  bool claim(Waiter& waiter) noexcept {
    bool expected = true;
    if (!armed_.compare_exchange_strong(expected, false, std::memory_order_seq_cst)) return false;
    waiter = std::move(waiter_);
    return true;
  }

 private:
  std::atomic<bool> armed_{false};
  Waiter waiter_;
};

}  // namespace sched
