#pragma once

// A fixed set of buffers that cores take and give back without a lock and without allocating. What a core had last it
// gets again if it can: that lies in its caches, or at least in the memory of its node. A core that finds none waits in
// a slot of its own.

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
        stacks_(std::make_unique<Stack[]>(takers_count)),
        takers_count_(takers_count) {
    assert(items_.size() < none);
    for (std::size_t index = items_.size(); index-- > 0;) {
      links_[index].home = index % takers_count;
      push(static_cast<std::uint16_t>(index));
    }
  }

  std::size_t size() const noexcept { return items_.size(); }

  /// The most items that were out at once, for the summary.
  std::size_t taken_count_max() const noexcept { return taken_max_.load(std::memory_order_relaxed); }

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
      item_ = pool_.try_take(taker_);
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
  T* try_take(std::size_t taker) noexcept {
    const std::uint16_t index = pop_for(taker);
    if (index == none) return nullptr;
    links_[index].home = taker;
    note_taken();
    return items_[index];
  }

  /// From any thread; wakes a waiting core.
  void give_back(T* item) noexcept {
    std::size_t index = 0;
    while (items_[index] != item) {
      ++index;
      assert(index < items_.size() && "an item that is not the pool's");
    }
    taken_.fetch_sub(1, std::memory_order_relaxed);
    push(static_cast<std::uint16_t>(index));
    serve_waiters();
  }

 private:
  static constexpr std::uint16_t none = 0xffff;
  // Of an item: what lies below it in its stack, and who had it last; a line for each, as different cores write to
  // them.
  struct alignas(64) Link {
    std::atomic<std::uint16_t> next{none};
    std::size_t home = 0;  // written by who takes the item, read by who gives it back
  };

  void serve_waiters() noexcept {
    for (std::size_t taker = 0; taker < takers_count_; ++taker) {
      if (!slots_[taker].armed()) continue;
      T* const item = try_take(taker);
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

  // The head of a stack of free indices: an index, and in the upper half how often it has changed, so that a stale one
  // never fits again (ABA).
  struct Head {
    std::uint64_t word = none;
    std::uint16_t index() const noexcept { return static_cast<std::uint16_t>(word); }
    Head followed_by(std::uint16_t index) const noexcept { return {((word >> 32) + 1) << 32 | index}; }
  };
  struct alignas(64) Stack {
    std::atomic<std::uint64_t> head{none};
  };

  void push(std::uint16_t index) noexcept {
    std::atomic<std::uint64_t>& top = stacks_[links_[index].home].head;
    Head head{top.load(std::memory_order_relaxed)};
    do {
      links_[index].next.store(head.index(), std::memory_order_relaxed);
    } while (!top.compare_exchange_weak(head.word, head.followed_by(index).word, std::memory_order_seq_cst));
  }

  std::uint16_t pop(std::atomic<std::uint64_t>& top) noexcept {
    Head head{top.load(std::memory_order_seq_cst)};
    while (head.index() != none) {
      const std::uint16_t index = head.index();
      const Head wanted = head.followed_by(links_[index].next.load(std::memory_order_relaxed));
      if (top.compare_exchange_weak(head.word, wanted.word, std::memory_order_seq_cst)) return index;
    }
    return none;
  }

  // Its own ones first, then its neighbours'.
  std::uint16_t pop_for(std::size_t taker) noexcept {
    for (std::size_t i = 0; i < takers_count_; ++i) {
      const std::uint16_t index = pop(stacks_[(taker + i) % takers_count_].head);
      if (index != none) return index;
    }
    return none;
  }

  // The most is written in the first steps only.
  void note_taken() noexcept {
    const std::size_t taken = taken_.fetch_add(1, std::memory_order_relaxed) + 1;
    std::size_t most = taken_max_.load(std::memory_order_relaxed);
    while (taken > most && !taken_max_.compare_exchange_weak(most, taken, std::memory_order_relaxed)) continue;
  }

  // Read by all cores, written in the beginning.
  const std::vector<T*> items_;
  const std::unique_ptr<Link[]> links_;
  const std::unique_ptr<WaitSlot<Taking>[]> slots_;
  const std::unique_ptr<Stack[]> stacks_;
  const std::size_t takers_count_;
  std::atomic<std::size_t> taken_max_{0};
  // Written by all cores.
  alignas(64) std::atomic<std::size_t> taken_{0};
};

}  // namespace sched
