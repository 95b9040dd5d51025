#pragma once

// The bounded channel between ingest and training: the one place where they meet. Its bound is the back-pressure, its
// one short lock per item the only lock on a step's path. What is buffered is never lost: `finish` lets receivers drain
// it and then says that it was the end. (Asio 1.22's own channel drops what is buffered when it is closed.)

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "sched/queue_meter.hpp"
#include "sched/suspension.hpp"
#include "sched/task.hpp"
#include "sched/wait_list.hpp"
#include "sched/waiter.hpp"

namespace sched {

/// Any number of senders and receivers on any executors. Items come out in the order in which they were sent, and go to
/// receivers in the order in which they came.
template <class T>
class Channel {
 public:
  /// `capacity`: items that may wait; at least 1.
  explicit Channel(std::size_t capacity) : capacity_(capacity) {
    assert(capacity > 0);
    meter_.capacity = capacity;
  }

  std::size_t capacity() const noexcept { return capacity_; }

  /// Items that wait now, and the most that ever did.
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }
  std::size_t size_max() const {
    const std::lock_guard lock(mutex_);
    return size_max_;
  }
  /// How many lay here at each receive; one that had to wait counts as empty.
  QueueMeter meter() const {
    const std::lock_guard lock(mutex_);
    return meter_;
  }

  /// Awaits an item, without allocating; nothing once the channel is finished and drained.
  class Receiving : public Waiter {
   public:
    explicit Receiving(Channel& channel) noexcept : channel_(channel) {}

    Suspension<Receiving> wait() {
      at_suspension("receive from a channel");
      return {this};
    }
    /// After the wait; it lives as long as this. Throws where it was stopped.
    std::optional<T>& result() {
      require_success();
      return item_;
    }

   private:
    friend Channel;
    friend Waiter;
    bool ready() { return channel_.try_receive(item_); }
    void arm() {
      std::unique_lock lock(channel_.mutex_);
      if (channel_.items_.empty() && !channel_.finished_) {
        channel_.receivers_.add(*this);
        return;
      }
      // It came between the failed try and this.
      Room* woken = nullptr;
      if (!channel_.items_.empty()) woken = channel_.pop(item_);
      lock.unlock();
      if (woken != nullptr) woken->wake();
      wake();
    }
    void stop() {
      std::unique_lock lock(channel_.mutex_);
      const bool removed = channel_.receivers_.remove(*this);
      lock.unlock();
      if (removed) wake_stopped();
    }

    Channel& channel_;
    std::optional<T> item_;
  };

  /// Receiving in one expression, for a frame.
  task<std::optional<T>> receive() {
    Receiving receiving(*this);
    co_await receiving.wait();
    co_return std::move(receiving.result());
  }

  /// Without waiting: false where nothing can be said yet; true with an item, or without one at the end.
  bool try_receive(std::optional<T>& item) {
    std::unique_lock lock(mutex_);
    if (items_.empty()) {
      if (!finished_) meter_.taken(0);
      return finished_;
    }
    meter_.taken(items_.size());
    Room* const woken = pop(item);
    lock.unlock();
    if (woken != nullptr) woken->wake();
    return true;
  }

  /// Awaits room and puts `item` in. What comes after `finish` is dropped.
  task<void> send(T item) {
    at_suspension("send to a channel");
    for (;;) {
      const bool sent = try_send(item);
      if (sent) co_return;
      Room room(*this);
      co_await room.wait();
      room.result();
    }
  }

  /// Without waiting: false, and `item` untouched, where there is no room.
  bool try_send(T& item) {
    std::unique_lock lock(mutex_);
    if (items_.size() >= capacity_) return false;
    if (finished_) return true;  // nobody wants it any more
    if (!receivers_.empty()) {
      // One who waits gets it in hand: by the time it runs, nobody else has taken it away.
      Receiving* const receiver = receivers_.pop();
      Room* const woken = senders_.empty() ? nullptr : senders_.pop();  // nothing lies here: there is room
      lock.unlock();
      receiver->item_.emplace(std::move(item));
      receiver->wake();
      if (woken != nullptr) woken->wake();
      return true;
    }
    items_.push_back(std::move(item));
    size_max_ = std::max(size_max_, items_.size());
    return true;
  }

  /// The producer has sent its last item.
  void finish() {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    while (!receivers_.empty()) receivers_.pop()->wake();
  }

 private:
  /// Awaits that something was taken out, and then tries again.
  class Room : public Waiter {
   public:
    explicit Room(Channel& channel) noexcept : channel_(channel) {}

    Suspension<Room> wait() {
      at_suspension("wait for room in a channel");
      return {this};
    }
    void result() const { require_success(); }

   private:
    friend Waiter;
    bool ready() {
      const std::lock_guard lock(channel_.mutex_);
      return channel_.items_.size() < channel_.capacity_;
    }
    void arm() {
      std::unique_lock lock(channel_.mutex_);
      const bool full = channel_.items_.size() >= channel_.capacity_;
      if (full) channel_.senders_.add(*this);
      lock.unlock();
      if (!full) wake();
    }
    void stop() {
      std::unique_lock lock(channel_.mutex_);
      const bool removed = channel_.senders_.remove(*this);
      lock.unlock();
      if (removed) wake_stopped();
    }

    Channel& channel_;
  };

  /// Under the lock. Returns the sender to wake without it, or nullptr.
  Room* pop(std::optional<T>& item) {
    item.emplace(std::move(items_.front()));
    items_.pop_front();
    // A sender sleeps until half of the room is free: it is woken once for many items, not once for each.
    return senders_.empty() || items_.size() > capacity_ / 2 ? nullptr : senders_.pop();
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<T> items_;
  std::size_t size_max_ = 0;
  QueueMeter meter_;
  bool finished_ = false;
  WaitList<Room> senders_;
  WaitList<Receiving> receivers_;
};

}  // namespace sched
