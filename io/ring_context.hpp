#pragma once

// An io_uring ring as an Asio execution context: one thread runs handlers and waits in the kernel when there are none.
// Its executor works wherever Asio takes one (any_io_executor, co_spawn, strands), and file operations started by
// async_perform and its siblings (io/file_operation.hpp) take completion tokens, run handlers on their associated
// executors and end when their cancellation slot says so.
//
// While handlers run, requests only queue up; when nothing is left to run, one call submits them all and waits. There
// is no thread but the one in run(): Asio's own timers and sockets would start one here, they belong on an io_context.
// A RingContext must be made, run and destroyed on one thread: the kernel holds a ring to its first submitter.
// (Destroying it elsewhere is fine once that thread has ended: the kernel has then ended its requests.)

#include <asio/execution.hpp>
#include <asio/execution_context.hpp>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

#include "io/file_operation.hpp"
#include "io/task_queue.hpp"

namespace io {

class Ring;
class RingWholeReads;
struct RingSystem;

class RingContext : public asio::execution_context, public OperationRunner {
 public:
  class executor_type;

  /// Throws RingRefused (io/ring.hpp) where this kernel or container does not let us use io_uring.
  RingContext();
  explicit RingContext(const RingSystem& system);
  /// Cancels what is in flight, waits until the kernel has let go of all memory, destroys handlers uncalled.
  virtual ~RingContext();

  executor_type get_executor() noexcept;

  /// Runs handlers on the calling thread, named "icosa-ring" meanwhile, until stop(). An exception of a handler comes
  /// out of here; run() may then be called again. Throws std::system_error where the kernel fails.
  void run();
  /// Ends one run(), the current or the next, before its next handler. From any thread.
  void stop() noexcept;

  /// Makes `buffers` the targets of fixed reads, numbered in order. False where the kernel does not take them.
  bool register_buffers(std::span<const std::span<std::byte>> buffers);
  /// io_uring_enter calls that submitted something. From any thread.
  std::uint64_t submissions_count() const noexcept;

  void start(std::unique_ptr<FileOperation> operation) override;
  void cancel(OperationId id) override;
  asio::any_io_executor handler_executor() noexcept override;

 private:
  bool is_ring_thread() const noexcept { return std::this_thread::get_id() == ring_thread_; }
  bool runs_here() const noexcept { return is_ring_thread() && running_; }
  void post(std::unique_ptr<Task> task) noexcept;
  void wake() noexcept;

  void accept(std::unique_ptr<FileOperation> operation);
  void run_ready();
  void queue_requests();
  void submit_and_reap();
  void complete(OperationId id, int result) noexcept;
  void cancel_here(OperationId id);
  void cancel_all() noexcept;

  const std::thread::id ring_thread_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<RingWholeReads> whole_reads_;
  std::atomic<bool> stopping_{false};
  RemoteTasks arriving_;  ///< from other threads
  // What follows belongs to the ring's thread.
  bool running_ = false;
  TaskQueue ready_;                                         ///< handlers and completed operations
  std::deque<std::unique_ptr<FileOperation>> unsubmitted_;  ///< not yet the kernel's
  std::unordered_map<OperationId, std::unique_ptr<FileOperation>> in_flight_;
  std::vector<OperationId> cancellations_;  ///< to be asked of the kernel with the next submission
  int wake_descriptor_ = -1;                ///< an eventfd that is always being read
  std::uint64_t wake_count_ = 0;            ///< where that read goes
  bool wake_armed_ = false;
};

/// Runs functions on the thread that runs the context.
class RingContext::executor_type {
 public:
  explicit executor_type(RingContext& context) noexcept : context_(&context) {}

  RingContext& query(asio::execution::context_t) const noexcept { return *context_; }
  asio::execution::blocking_t query(asio::execution::blocking_t) const noexcept {
    if (may_block_) return asio::execution::blocking.possibly;
    return asio::execution::blocking.never;
  }
  executor_type require(asio::execution::blocking_t::possibly_t) const noexcept { return {*context_, true}; }
  executor_type require(asio::execution::blocking_t::never_t) const noexcept { return {*context_, false}; }

  /// At once where the caller is a handler of this context and blocking.never was not asked for, later otherwise.
  template <class Function>
  void execute(Function&& function) const {
    if (may_block_ && context_->runs_here()) {
      std::decay_t<Function> local(std::forward<Function>(function));
      local();
      return;
    }
    context_->post(make_task(std::forward<Function>(function)));
  }

  friend bool operator==(const executor_type& a, const executor_type& b) noexcept = default;

 private:
  executor_type(RingContext& context, bool may_block) noexcept : context_(&context), may_block_(may_block) {}

  RingContext* context_;
  bool may_block_ = true;
};

inline RingContext::executor_type RingContext::get_executor() noexcept {
  return executor_type(*this);
}

}  // namespace io
