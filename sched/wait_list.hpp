#pragma once

// Coroutines that wait in turn, without memory of its own. Touched by one executor at a time, or under the lock of
// whoever owns the list.

#include <cassert>

#include "sched/waiter.hpp"

namespace sched {

/// `Operation` derives from Waiter; those in the list stay where they are.
template <class Operation>
class WaitList {
 public:
  bool empty() const noexcept { return first_ == nullptr; }

  /// Adds a waiter at the end.
  void add(Operation& operation) noexcept {
    Waiter& waiter = operation;
    assert(!waiter.listed_);
    waiter.listed_ = true;
    waiter.previous_ = last_;
    waiter.next_ = nullptr;
    (last_ == nullptr ? first_ : last_->next_) = &waiter;
    last_ = &waiter;
  }

  /// The one that has waited longest. Requires !empty().
  Operation* pop() noexcept {
    Waiter* const waiter = first_;
    take_out(*waiter);
    return static_cast<Operation*>(waiter);
  }

  /// Takes that waiter out; false where it has been taken out before.
  bool remove(Operation& operation) noexcept {
    Waiter& waiter = operation;
    if (!waiter.listed_) return false;
    take_out(waiter);
    return true;
  }

 private:
  void take_out(Waiter& waiter) noexcept {
    (waiter.previous_ == nullptr ? first_ : waiter.previous_->next_) = waiter.next_;
    (waiter.next_ == nullptr ? last_ : waiter.next_->previous_) = waiter.previous_;
    waiter.listed_ = false;
  }

  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace sched
