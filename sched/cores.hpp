#pragma once

// Per-core executors: a pinned thread with an io_context of its own for every core of the run. A coroutine spawned on
// `of(i)` computes on that core and nowhere else.

#include <asio/any_io_executor.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "sched/topology.hpp"

namespace sched {

/// A core of this run, counted from 0.
using CoreIndex = std::size_t;

class Cores {
 public:
  /// Starts one thread per core, named "icosa-core-N" and pinned to it. `on_start` runs first on each of them.
  Cores(std::vector<CoreNumber> numbers, std::function<void()> on_start);
  Cores(const Cores&) = delete;
  Cores& operator=(const Cores&) = delete;
  /// Joins the threads. Everything spawned on them must have ended.
  ~Cores();

  /// The same, earlier: afterwards nothing that was posted to the executors is left to run, and nothing may be posted.
  void join() noexcept;

  std::size_t count() const noexcept;
  /// The executor of one core.
  asio::any_io_executor of(CoreIndex core) const noexcept;
  /// Where the control runs: the first core, which is idle whenever a step's last gradient has arrived.
  asio::any_io_executor control() const noexcept { return of(0); }

 private:
  struct Core;
  std::vector<std::unique_ptr<Core>> cores_;
};

}  // namespace sched
