#pragma once

// A fixed set of buffers that cores take and give back without a lock. A core that finds none waits in a slot of its
// own.

#include <asio/async_result.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sched/suspension.hpp"
#include "sched/task.hpp"
#include "sched/wait_slot.hpp"

namespace sched {

/// Hands out pointers to items that the caller owns. `takers_count` cores, each with at most one `take` under way.
template <class T>
class Pool {
 public:
  Pool(std::vector<T*> items, std::size_t takers_count)
      : items_(std::move(items)),
        next_(std::make_unique<std::atomic<std::uint32_t>[]>(items_.size())),
        slots_(std::make_unique<WaitSlot<T*>[]>(takers_count)),
        takers_count_(takers_count) {
    for (std::size_t index = items_.size(); index-- > 0;) push(static_cast<std::uint32_t>(index));
  }

  std::size_t size() const noexcept { return items_.size(); }

  /// The most items that were out at once, for the summary.
  std::size_t taken_count_max() const noexcept { return taken_max_.load(std::memory_order_relaxed); }

  /// Awaits a free item. `taker` is the core that asks.
  task<T*> take(std::size_t taker) {
    assert(taker < takers_count_);
    at_suspension("take from a pool");
    T* item = try_take();
    if (item != nullptr) co_return item;
    Initiate initiate{this, taker};
    item = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::error_code, T*)>(
        initiate, asio::use_awaitable);
    co_return item;
  }

  /// The same without waiting: nullptr where none is free.
  T* try_take() noexcept {
    const std::uint32_t index = pop();
    if (index == none) return nullptr;
    const std::size_t taken = taken_.fetch_add(1, std::memory_order_relaxed) + 1;
    std::size_t most = taken_max_.load(std::memory_order_relaxed);
    while (taken > most && !taken_max_.compare_exchange_weak(most, taken, std::memory_order_relaxed)) continue;
    return items_[index];
  }

  /// From any thread; wakes a waiting core.
  void give_back(T* item) noexcept {
    std::uint32_t index = 0;
    while (items_[index] != item) {
      ++index;
      assert(index < items_.size() && "an item that is not the pool's");
    }
    taken_.fetch_sub(1, std::memory_order_relaxed);
    push(index);
    serve_waiters();
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  struct Initiate {
    Pool* pool;
    std::size_t taker;
    template <class Function>
    void operator()(Function&& function) const {
      pool->slots_[taker].arm(std::forward<Function>(function));
      pool->serve_waiters();  // an item may have come back between the failed try and the arming
    }
  };

  void serve_waiters() noexcept {
    for (std::size_t taker = 0; taker < takers_count_; ++taker) {
      if (!slots_[taker].armed()) continue;
      T* const item = try_take();
      if (item == nullptr) return;
      typename WaitSlot<T*>::Waiter waiter;
      if (slots_[taker].claim(waiter)) {
        waiter.complete({}, item);
      } else {
        give_back(item);
        return;
      }
    }
  }

  // A stack of free indices; the upper half of the head counts changes, so that a stale head never fits again (ABA).
  void push(std::uint32_t index) noexcept {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    std::uint64_t wanted = 0;
    do {
      next_[index].store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
      wanted = ((head >> 32) + 1) << 32 | index;
    } while (!head_.compare_exchange_weak(head, wanted, std::memory_order_seq_cst));
  }

  std::uint32_t pop() noexcept {
    std::uint64_t head = head_.load(std::memory_order_seq_cst);
    for (;;) {
      const auto index = static_cast<std::uint32_t>(head);
      if (index == none) return none;
      const std::uint64_t wanted = ((head >> 32) + 1) << 32 | next_[index].load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, wanted, std::memory_order_seq_cst)) return index;
    }
  }

  std::vector<T*> items_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> next_;
  std::unique_ptr<WaitSlot<T*>[]> slots_;
  std::size_t takers_count_;
  std::atomic<std::uint64_t> head_{none};
  std::atomic<std::size_t> taken_{0};
  std::atomic<std::size_t> taken_max_{0};
};

}  // namespace sched
