#pragma once

// Coroutines that wait in turn. Touched by one executor at a time, or under the lock of whoever owns the list.

#include <cstdint>
#include <deque>
#include <utility>

#include "sched/handler.hpp"

namespace sched {

template <class... Args>
class WaitList {
 public:
  using Waiter = Handler<Args...>;

  bool empty() const noexcept { return waiters_.empty(); }

  /// Adds a waiter at the end; the number names it for `remove`.
  std::uint64_t add(Waiter waiter) {
    waiters_.emplace_back(++last_number_, std::move(waiter));
    return last_number_;
  }

  Waiter pop() {
    Waiter waiter = std::move(waiters_.front().second);
    waiters_.pop_front();
    return waiter;
  }

  /// Takes out the waiter of that number; an empty one where it has been taken out before.
  Waiter remove(std::uint64_t number) {
    for (auto it = waiters_.begin(); it != waiters_.end(); ++it) {
      if (it->first != number) continue;
      Waiter waiter = std::move(it->second);
      waiters_.erase(it);
      return waiter;
    }
    return {};
  }

 private:
  std::deque<std::pair<std::uint64_t, Waiter>> waiters_;
  std::uint64_t last_number_ = 0;
};

}  // namespace sched
