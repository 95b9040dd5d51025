#pragma once

// A structured scope: every child coroutine is joined by its parent, the first failure stops the others, and that
// failure is what the parent sees.

#include <asio/any_io_executor.hpp>
#include <cstddef>
#include <exception>
#include <memory>
#include <system_error>
#include <vector>

#include "sched/handler.hpp"
#include "sched/task.hpp"

namespace sched {

/// Lives in the parent coroutine, below what its children refer to. `open`, `spawn` and `join` are called on the
/// parent's executor in that order, and nothing between them waits or throws.
class Scope {
 public:
  /// `executor`: the parent's own.
  explicit Scope(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  /// Requires that `join` has completed if anything was spawned.
  ~Scope();

  /// Throws asio::error::operation_aborted where the parent was stopped while it computed: at `join` it would be too
  /// late.
  task<void> open();

  /// Starts `child` on `executor`. Requires `open`.
  void spawn(asio::any_io_executor executor, task<void> child);

  /// Awaits the end of all children and rethrows the first failure. When the parent itself is cancelled the children
  /// are stopped and still awaited, and then join throws asio::error::operation_aborted if none of them threw.
  task<void> join();

 private:
  struct Child;
  struct Join;

  void ended(std::exception_ptr failure);
  void stop_children();
  bool all_quiet() const noexcept { return running_ == 0 && stops_under_way_ == 0; }
  void complete_if_quiet();

  asio::any_io_executor executor_;
  std::vector<std::shared_ptr<Child>> children_;
  std::size_t running_ = 0;
  std::size_t stops_under_way_ = 0;  // requests to stop that have not run yet
  std::exception_ptr failure_;
  bool open_ = false;
  bool stopping_ = false;
  bool parent_stopped_ = false;
  Handler<std::error_code> joined_;
};

}  // namespace sched
