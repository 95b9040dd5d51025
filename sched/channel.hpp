#pragma once

// The bounded channel between ingest and training: the one place where they meet. Its bound is the back-pressure, its
// one short lock per item the only lock on a step's path. What is buffered is never lost: `finish` lets receivers drain
// it and then says that it was the end. (Asio 1.22's own channel drops what is buffered when it is closed.)

#include <algorithm>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/async_result.hpp>
#include <asio/error.hpp>
#include <asio/use_awaitable.hpp>
#include <cassert>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include "sched/task.hpp"
#include "sched/wait_list.hpp"

namespace sched {

/// Any number of senders and receivers on any executors. Items come out in the order in which they were sent.
template <class T>
class Channel {
 public:
  /// `capacity`: items that may wait; at least 1.
  explicit Channel(std::size_t capacity) : capacity_(capacity) { assert(capacity > 0); }

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

  /// Awaits room and puts `item` in. What comes after `finish` is dropped.
  task<void> send(T item) {
    for (;;) {
      const bool sent = try_send(item);
      if (sent) co_return;
      Initiate<std::error_code> initiate{this, &Channel::wait_for_room};
      co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::error_code)>(initiate,
                                                                                           asio::use_awaitable);
    }
  }

  /// Without waiting: false, and `item` untouched, where there is no room.
  bool try_send(T& item) {
    std::unique_lock lock(mutex_);
    if (items_.size() >= capacity_) return false;
    if (finished_) return true;  // nobody wants it any more
    items_.push_back(std::move(item));
    size_max_ = std::max(size_max_, items_.size());
    Waiter woken = receivers_.empty() ? Waiter() : receivers_.pop();
    lock.unlock();
    if (woken) woken.complete({});
    return true;
  }

  /// Awaits an item; nothing once the channel is finished and drained.
  task<std::optional<T>> receive() {
    for (;;) {
      std::optional<T> item;
      const bool decided = try_receive(item);
      if (decided) co_return item;
      Initiate<std::error_code> initiate{this, &Channel::wait_for_item};
      co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::error_code)>(initiate,
                                                                                           asio::use_awaitable);
    }
  }

  /// Without waiting: false where nothing can be said yet; true with an item, or without one at the end.
  bool try_receive(std::optional<T>& item) {
    std::unique_lock lock(mutex_);
    if (items_.empty()) return finished_;
    item.emplace(std::move(items_.front()));
    items_.pop_front();
    // A sender sleeps until half of the room is free: it is woken once for many items, not once for each.
    Waiter woken = senders_.empty() || items_.size() > capacity_ / 2 ? Waiter() : senders_.pop();
    lock.unlock();
    if (woken) woken.complete({});
    return true;
  }

  /// The producer has sent its last item.
  void finish() {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    while (!receivers_.empty()) receivers_.pop().complete({});
  }

 private:
  using List = WaitList<std::error_code>;
  using Waiter = Handler<std::error_code>;

  template <class... Args>
  struct Initiate {
    Channel* channel;
    std::uint64_t (Channel::*wait)(Waiter waiter);
    template <class Function>
    void operator()(Function&& function) const {
      auto slot = asio::get_associated_cancellation_slot(function);
      const std::uint64_t number = (channel->*wait)(Waiter(std::forward<Function>(function)));
      if (!slot.is_connected()) return;
      slot.assign([channel = channel, number](asio::cancellation_type) { channel->cancel(number); });
    }
  };

  // A waiter tries again when it is woken. One that comes when its wish has just been granted is woken at once.
  std::uint64_t wait_for_room(Waiter waiter) {
    const std::lock_guard lock(mutex_);
    if (items_.size() < capacity_) {
      waiter.complete({});
      return 0;
    }
    return senders_.add(std::move(waiter)) * 2;
  }

  std::uint64_t wait_for_item(Waiter waiter) {
    const std::lock_guard lock(mutex_);
    if (!items_.empty() || finished_) {
      waiter.complete({});
      return 0;
    }
    return receivers_.add(std::move(waiter)) * 2 + 1;
  }

  void cancel(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    Waiter waiter = (number % 2 == 0 ? senders_ : receivers_).remove(number / 2);
    if (waiter) waiter.complete(asio::error::operation_aborted);
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<T> items_;
  std::size_t size_max_ = 0;
  bool finished_ = false;
  List senders_;
  List receivers_;
};

}  // namespace sched
