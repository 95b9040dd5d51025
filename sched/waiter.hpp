#pragma once

// A coroutine that waits, as part of a local of that coroutine: its place in a list of others, and the memory of what
// wakes it, a post on its own core or an errand from another thread. So neither waiting nor waking allocates. Asio's
// own way makes two coroutine frames for a wait and two allocations for a post; with 1,728 workers, all of which wait,
// its caches of two pieces per thread are of no help.
//
// An operation derives from Waiter, is named in the coroutine that awaits it, and is awaited in a statement of its own:
//
//   sched::Turn::Taking taking(turn);
//   co_await taking.wait();
//   const sched::Turn::Lease lease = taking.result();
//
// Of Asio this uses what its coroutines are made of (`asio::detail`): a thread of frames is moved out of the coroutine
// and moved into a handler, as `use_awaitable` does it.

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/error.hpp>
#include <asio/system_error.hpp>
#include <cassert>
#include <optional>
#include <utility>

#include "sched/inbox.hpp"
#include "sched/post_memory.hpp"

namespace sched {

class Waiter : private Errand {
  using Frame = asio::detail::awaitable_frame_base<asio::any_io_executor>;
  using Frames = asio::detail::awaitable_thread<asio::any_io_executor>;

 public:
  Waiter() noexcept : Errand([](Errand& self) { static_cast<Waiter&>(self).resume(); }) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  /// Has the coroutine go on, on its executor, never in place. From any thread, once for each wait; afterwards the
  /// waiter may be gone.
  void wake() noexcept;

 protected:
  /// The same for a coroutine that is to end: the wait throws operation_aborted.
  void wake_stopped() noexcept {
    stopped_ = true;
    wake();
  }

  ~Waiter() { assert(!frames_ && "a waiter ended before it was woken"); }

  /// Throws where the wait was stopped.
  void require_success() const {
    if (stopped_) throw asio::system_error(asio::error::operation_aborted, "co_await");
  }

  /// What `co_await` takes. The operation has `ready()`, which says whether there is nothing to wait for; `arm()`,
  /// after which anybody may wake; and `stop()`, which takes back the arming and then calls `wake_stopped`, where
  /// nobody has woken yet. All three run on the coroutine's executor.
  template <class Operation>
  struct Suspension {
    Operation* operation;

    Frames* operator()(Frame* frame) const {
      operation->suspend(frame, *operation);
      return nullptr;
    }
  };

 private:
  template <class T>
  friend class WaitList;

  /// Names a protected member of Asio's frames.
  struct Attached : Frame {
    using Frame::attached_thread_;
  };

  struct Resume;

  template <class Operation>
  void suspend(Frame* frame, Operation& operation) {
    Frames* const running = frame->*(&Attached::attached_thread_);
    stopped_ = false;
    // A coroutine that is not detached goes on at once. One that was stopped throws at each await, as with Asio's.
    if (running->get_cancellation_state().cancelled() != asio::cancellation_type::none) {
      stopped_ = true;
      return;
    }
    if (operation.ready()) return;
    auto slot = running->get_cancellation_slot();
    top_ = frame;
    home_ = inbox_here;
    frames_.emplace(std::move(*frame->detach_thread()));
    if (slot.is_connected()) slot.assign([&operation](asio::cancellation_type) { operation.stop(); });
    operation.arm();
  }

  void resume();

  Waiter* next_ = nullptr;
  Waiter* previous_ = nullptr;
  bool listed_ = false;
  bool stopped_ = false;
  Frame* top_ = nullptr;
  std::optional<Frames> frames_;  // while it waits
  Inbox* home_ = nullptr;         // of the core that it waits on
  PostMemory post_;
};

}  // namespace sched
