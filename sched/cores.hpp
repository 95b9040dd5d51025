#pragma once

// Per-core executors: a pinned thread with an io_context of its own for every core of the run. A coroutine spawned on
// `of(i)` computes on that core and nowhere else.

#include <asio/any_io_executor.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sched/topology.hpp"

namespace sched {

/// Keeps the calling thread on these processors; leaves it where it may run now if there are none.
void pin_this_thread(const std::vector<CoreNumber>& numbers);

/// The same, until the end of the block.
class ThreadPin {
 public:
  explicit ThreadPin(const std::vector<CoreNumber>& numbers);
  ThreadPin(const ThreadPin&) = delete;
  ThreadPin& operator=(const ThreadPin&) = delete;
  ~ThreadPin();

 private:
  std::vector<CoreNumber> before_;
};

/// A core of this run, counted from 0.
using CoreIndex = std::size_t;

class Inbox;

class Cores {
 public:
  /// Starts one thread per core, named "icosa-core-N" and, unless `pinned` is false, pinned to it. `on_start` runs
  /// first on each of them.
  Cores(const std::vector<CoreNumber>& numbers, const std::function<void()>& on_start, bool pinned = true);
  Cores(const Cores&) = delete;
  Cores& operator=(const Cores&) = delete;
  /// Joins the threads. Everything spawned on them must have ended.
  ~Cores();

  /// The same, earlier: afterwards nothing that was posted to the executors is left to run, and nothing may be posted.
  void join() noexcept;

  std::size_t count() const noexcept;
  /// The executor of one core.
  asio::any_io_executor of(CoreIndex core) const noexcept;
  /// Where other threads put what a core shall run.
  Inbox& inbox_of(CoreIndex core) const noexcept;
  /// What their threads have been given to run by others so far (sched/wakeups.hpp).
  std::uint64_t wakeups_count() const noexcept;
  /// Where the control runs: the first core, which is idle whenever a step's last gradient has arrived.
  asio::any_io_executor control() const noexcept { return of(0); }

 private:
  struct Core;
  std::vector<std::unique_ptr<Core>> cores_;
};

}  // namespace sched
