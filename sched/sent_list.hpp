#pragma once

// What many threads send to one, without a lock: each item is linked through itself, so nothing is allocated.

#include <atomic>
#include <utility>

namespace sched {

/// `Item` has a member `Item* next_` for the list, to which this is a friend.
template <class Item>
class SentList {
 public:
  /// From any thread; items of one thread keep their order. Returns whether the list was empty. Sequentially consistent
  /// against a taker that says that it sleeps and then looks: one of the two sees the other.
  bool push(Item& item) noexcept {
    Item* newest = newest_.load(std::memory_order_relaxed);
    do {
      item.next_ = newest;
    } while (!newest_.compare_exchange_weak(newest, &item, std::memory_order_seq_cst, std::memory_order_relaxed));
    return newest == nullptr;
  }

  bool empty() const noexcept { return newest_.load(std::memory_order_seq_cst) == nullptr; }

  /// Takes all, the oldest first, linked by `next_`. By one thread at a time.
  Item* take() noexcept {
    Item* item = newest_.exchange(nullptr, std::memory_order_acquire);
    Item* oldest = nullptr;
    while (item != nullptr) {
      Item* const older = std::exchange(item->next_, oldest);
      oldest = std::exchange(item, older);
    }
    return oldest;
  }

 private:
  std::atomic<Item*> newest_{nullptr};
};

}  // namespace sched
