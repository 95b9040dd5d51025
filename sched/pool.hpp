#pragma once

// A fixed set of buffers that cores take and give back without a lock and without allocating. A core that finds none
// waits in a slot of its own.

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sched/suspension.hpp"
#include "sched/task.hpp"
#include "sched/wait_slot.hpp"
#include "sched/waiter.hpp"

namespace sched {

/// Hands out pointers to items that the caller owns, at most 65,534. `takers_count` cores, each with at most one
/// `Taking` under way.
template <class T>
class Pool {
 public:
  Pool(std::vector<T*> items, std::size_t takers_count)
      : items_(std::move(items)),
        links_(std::make_unique<Link[]>(items_.size())),
        slots_(std::make_unique<WaitSlot<Taking>[]>(takers_count)),
        takers_count_(takers_count) {
    assert(items_.size() < none);
    for (std::size_t index = items_.size(); index-- > 0;) push(static_cast<std::uint16_t>(index));
  }

  std::size_t size() const noexcept { return items_.size(); }

  /// The most items that were out at once, for the summary.
  std::size_t taken_count_max() const noexcept { return size() - free_min_.load(std::memory_order_relaxed); }

  /// Awaits a free item, without allocating. `taker` is the core that asks.
  class Taking : public Waiter {
   public:
    Taking(Pool& pool, std::size_t taker) noexcept : pool_(pool), taker_(taker) { assert(taker < pool.takers_count_); }

    Suspension<Taking> wait() {
      at_suspension("take from a pool");
      return {this};
    }
    /// Once, after the wait. Throws where it was stopped.
    T* result() const {
      require_success();
      return item_;
    }

   private:
    friend Pool;
    friend Waiter;
    bool ready() noexcept {
      item_ = pool_.try_take();
      return item_ != nullptr;
    }
    void arm() noexcept {
      Pool& pool = pool_;  // once it is armed this may be gone
      pool.slots_[taker_].arm(*this);
      pool.serve_waiters();  // an item may have come back between the failed try and the arming
    }
    void stop() noexcept {
      if (pool_.slots_[taker_].claim() != nullptr) wake_stopped();
    }

    Pool& pool_;
    const std::size_t taker_;
    T* item_ = nullptr;
  };

  /// The same in one expression, for a frame.
  task<T*> take(std::size_t taker) {
    Taking taking(*this, taker);
    co_await taking.wait();
    co_return taking.result();
  }

  /// The same without waiting: nullptr where none is free.
  T* try_take() noexcept {
    const std::uint16_t index = pop();
    return index == none ? nullptr : items_[index];
  }

  /// From any thread; wakes a waiting core.
  void give_back(T* item) noexcept {
    std::size_t index = 0;
    while (items_[index] != item) {
      ++index;
      assert(index < items_.size() && "an item that is not the pool's");
    }
    push(static_cast<std::uint16_t>(index));
    serve_waiters();
  }

 private:
  static constexpr std::uint16_t none = 0xffff;
  // What lies below an item in the stack; a line for each, as different cores write to them.
  struct alignas(64) Link {
    std::atomic<std::uint16_t> next{none};
  };

  void serve_waiters() noexcept {
    for (std::size_t taker = 0; taker < takers_count_; ++taker) {
      if (!slots_[taker].armed()) continue;
      T* const item = try_take();
      if (item == nullptr) return;
      Taking* const waiter = slots_[taker].claim();
      if (waiter == nullptr) {
        give_back(item);
        return;
      }
      waiter->item_ = item;
      waiter->wake();
    }
  }

  // A stack of free indices. The head is an index, how many are free, and in its upper half how often it has changed,
  // so that a stale one never fits again (ABA). One word: all cores write to its line, and to no second one.
  struct Head {
    std::uint64_t word = none;
    std::uint16_t index() const noexcept { return static_cast<std::uint16_t>(word); }
    std::uint16_t free_count() const noexcept { return static_cast<std::uint16_t>(word >> 16); }
    Head followed_by(std::uint16_t index, int more_free) const noexcept {
      const auto free = static_cast<std::uint16_t>(free_count() + more_free);
      return {((word >> 32) + 1) << 32 | std::uint64_t{free} << 16 | index};
    }
  };

  void push(std::uint16_t index) noexcept {
    Head head{head_.load(std::memory_order_relaxed)};
    do {
      links_[index].next.store(head.index(), std::memory_order_relaxed);
    } while (!head_.compare_exchange_weak(head.word, head.followed_by(index, 1).word, std::memory_order_seq_cst));
  }

  std::uint16_t pop() noexcept {
    Head head{head_.load(std::memory_order_seq_cst)};
    while (head.index() != none) {
      const std::uint16_t index = head.index();
      const Head wanted = head.followed_by(links_[index].next.load(std::memory_order_relaxed), -1);
      if (!head_.compare_exchange_weak(head.word, wanted.word, std::memory_order_seq_cst)) continue;
      note_free(wanted.free_count());
      return index;
    }
    return none;
  }

  /// Written in the first steps only.
  void note_free(std::size_t free) noexcept {
    std::size_t least = free_min_.load(std::memory_order_relaxed);
    while (free < least && !free_min_.compare_exchange_weak(least, free, std::memory_order_relaxed)) continue;
  }

  // Read by all cores, written in the beginning.
  const std::vector<T*> items_;
  const std::unique_ptr<Link[]> links_;
  const std::unique_ptr<WaitSlot<Taking>[]> slots_;
  const std::size_t takers_count_;
  std::atomic<std::size_t> free_min_{items_.size()};
  // Written by all cores.
  alignas(64) std::atomic<std::uint64_t> head_{none};
};

}  // namespace sched
