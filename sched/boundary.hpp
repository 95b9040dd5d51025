#pragma once

// Where a finished piece of work changes hands: one side hands over, the other awaits. Ownership of what the pointer
// names passes with it; nothing is locked.

#include <asio/associated_cancellation_slot.hpp>
#include <asio/async_result.hpp>
#include <asio/error.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <system_error>
#include <utility>

#include "sched/handler.hpp"
#include "sched/suspension.hpp"
#include "sched/task.hpp"

namespace sched {

/// One awaiting coroutine; any thread may hand over, one value at a time: the next only after the last was received.
template <class T>
class Boundary {
 public:
  /// From any thread. The awaiting coroutine goes on where it runs.
  void hand_over(T* value) noexcept {
    const std::uintptr_t previous = state_.exchange(reinterpret_cast<std::uintptr_t>(value), std::memory_order_acq_rel);
    assert((previous == empty || previous == awaited) && "a value was handed over before the last one was received");
    // Who sees `awaited` go is the only one to complete the waiter.
    if (previous == awaited) complete_with_value();
  }

  /// Awaits the next value handed over.
  task<T*> receive() {
    at_suspension("receive at a boundary");
    Initiate initiate{this};
    T* const value = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::error_code, T*)>(
        initiate, asio::use_awaitable);
    co_return value;
  }

 private:
  static constexpr std::uintptr_t empty = 0;
  static constexpr std::uintptr_t awaited = 1;  // no object lies at this address

  struct Initiate {
    Boundary* boundary;
    template <class Function>
    void operator()(Function&& function) const {
      boundary->arm(std::forward<Function>(function));
    }
  };

  template <class Function>
  void arm(Function&& function) {
    auto slot = asio::get_associated_cancellation_slot(function);
    waiter_ = Handler<std::error_code, T*>(std::forward<Function>(function));
    if (slot.is_connected()) slot.assign([this](asio::cancellation_type) { cancel(); });
    std::uintptr_t expected = empty;
    if (!state_.compare_exchange_strong(expected, awaited, std::memory_order_acq_rel)) complete_with_value();
  }

  void complete_with_value() noexcept {
    auto waiter = std::move(waiter_);
    waiter.complete({}, reinterpret_cast<T*>(state_.exchange(empty, std::memory_order_acq_rel)));
  }

  void cancel() noexcept {
    std::uintptr_t expected = awaited;
    if (!state_.compare_exchange_strong(expected, empty, std::memory_order_acq_rel)) return;
    auto waiter = std::move(waiter_);
    waiter.complete(asio::error::operation_aborted, nullptr);
  }

  std::atomic<std::uintptr_t> state_{empty};
  Handler<std::error_code, T*> waiter_;
};

}  // namespace sched
