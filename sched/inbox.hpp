#pragma once

// What other threads give a core to do, without a lock and without allocating: each errand is part of whoever wants it
// done. They write to one line of the core's memory and wake it only where it sleeps. (A post of Asio's takes the lock
// of the core's queue, which lies in several lines; between processors that share no cache each of them costs a fifth
// of a microsecond, and a step of a small model has six such hand-overs in its end.)

#include <asio/io_context.hpp>
#include <atomic>

#include "sched/post_memory.hpp"
#include "sched/sent_list.hpp"

namespace sched {

/// Something to run on a core. It stays where it is until it runs; from then on it may be put again, or be gone.
class Errand {
 public:
  using Function = void (*)(Errand& self);

  explicit Errand(Function function) noexcept : function_(function) {}
  Errand(const Errand&) = delete;
  Errand& operator=(const Errand&) = delete;

 protected:
  ~Errand() = default;

 private:
  friend class Inbox;
  friend class SentList<Errand>;

  const Function function_;
  Errand* next_ = nullptr;
};

/// One for each core.
class alignas(64) Inbox {
 public:
  /// `context`: the core's, in whose handlers errands run.
  explicit Inbox(asio::io_context& context) noexcept : context_(context) {}
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;
  ~Inbox();

  /// Has the core run `errand`. From any thread but the core's own. Errands of one thread run in their order.
  void put(Errand& errand) noexcept {
    sent_.push(errand);
    if (sleeping_.load(std::memory_order_seq_cst)) end_sleep();
  }

  /// Whether something was put. As all that follows, on the core's thread.
  bool any() const noexcept { return !sent_.empty(); }

  /// Has what was put run, in a handler behind those that are ready.
  void post();

  /// context.run_one(), unless something was put, which ends the wait.
  void sleep();

 private:
  void run();
  void end_sleep() noexcept;

  SentList<Errand> sent_;
  std::atomic<bool> sleeping_{false};
  alignas(64) asio::io_context& context_;
  bool posted_ = false;
  PostMemory post_;
};

/// The inbox of the core whose thread this is; nullptr on other threads.
inline thread_local Inbox* inbox_here = nullptr;

}  // namespace sched
