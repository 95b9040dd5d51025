#pragma once

// A request on its way: together with the handler that waits for it, type-erased so that the ring and the threads carry
// operations of any caller. Born in the initiating functions below, on any thread; carried out by an OperationRunner;
// its handler runs on the executor associated with it. What a request opens or closes is owned by the operation
// meanwhile, so that no descriptor is lost or closed twice when a run is abandoned.

#include <asio/any_io_executor.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/executor_work_guard.hpp>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

#include "io/file_request.hpp"
#include "io/files.hpp"
#include "io/task_queue.hpp"
#include "sched/wakeups.hpp"

namespace io {

/// Never used twice, so that a cancellation that arrives late finds nothing rather than a stranger.
using OperationId = std::uint64_t;
OperationId new_operation_id() noexcept;

/// The runner calls settle() once when the outcome is known, then run() to hand it to the handler. Destroyed without
/// run(), the handler is destroyed uncalled.
class FileOperation : public Task {
 public:
  explicit FileOperation(const FileRequest& request) noexcept : request_(request), id_(new_operation_id()) {}

  const FileRequest& request() const noexcept { return request_; }
  OperationId id() const noexcept { return id_; }
  /// From now on an interrupted call counts as cancelled.
  void expect_cancellation() noexcept { cancellation_expected_ = true; }
  /// `result` as of a system call: a negated errno, -ECANCELED where nothing was done.
  void settle(int result) noexcept {
    result_ = result == -EINTR && cancellation_expected_ ? -ECANCELED : result;
    take_over(result_);
  }

 protected:
  virtual void take_over(int result) noexcept = 0;
  int result_ = -ECANCELED;

 private:
  FileRequest request_;
  OperationId id_;
  bool cancellation_expected_ = false;
};

/// Whatever carries operations out. Both functions may be called on any thread; neither ever calls a handler itself.
class OperationRunner {
 public:
  virtual void start(std::unique_ptr<FileOperation> operation) = 0;
  /// Does nothing where the operation has completed, and as much as possible where it has begun.
  virtual void cancel(OperationId id) = 0;
  /// Where a handler without an associated executor runs.
  virtual asio::any_io_executor handler_executor() noexcept = 0;

 protected:
  ~OperationRunner() = default;
};

namespace detail {

// What an operation owns: nothing, the descriptor it opens, or the file it closes. No aggregates: g++ 12 destroys those
// twice when they are temporaries of a coroutine (GCC PR98401).
struct OwnsNothing {
  using Value = int;
  void take_over(int) noexcept {}
  int value(int result) noexcept { return result < 0 ? 0 : result; }
};

struct OwnsOpened {
  using Value = OpenFile;
  OpenFile file;
  OwnsOpened() noexcept {}
  void take_over(int result) noexcept {
    if (result >= 0) file = OpenFile(result, {});
  }
  OpenFile value(int) noexcept { return std::move(file); }
};

struct OwnsClosing {
  using Value = int;
  OpenFile file;
  explicit OwnsClosing(OpenFile closing) noexcept : file(std::move(closing)) {}
  // Linux gives the descriptor up even where close() fails.
  void take_over(int result) noexcept {
    if (result != -ECANCELED) file.release();
  }
  int value(int) noexcept { return 0; }
};

// The outcome and whom to tell, as one function that its executor can run.
template <class Handler, class Value>
struct Outcome {
  Handler handler;
  std::error_code error;
  Value value;
  bool has_slot;

  void operator()() {
    // The operation is over; a later emit must find nothing. The slot is the handler's, touched on its executor only.
    if (has_slot) asio::get_associated_cancellation_slot(handler).clear();
    std::move(handler)(error, std::move(value));
  }
};

template <class Handler, class Owned>
class HandledOperation final : public FileOperation {
 public:
  HandledOperation(OperationRunner& runner, Handler handler, const FileRequest& request, Owned owned)
      : FileOperation(request),
        handler_(std::move(handler)),
        owned_(std::move(owned)),
        work_(asio::get_associated_executor(handler_, runner.handler_executor())) {
    auto slot = asio::get_associated_cancellation_slot(handler_);
    if (!slot.is_connected() || !request.cancellable) return;
    has_slot_ = true;
    slot.assign([&runner, id = id()](asio::cancellation_type_t type) {
      if (type != asio::cancellation_type::none) runner.cancel(id);
    });
  }

  void run() override {
    std::unique_ptr<HandledOperation> self(this);
    const auto work = std::move(work_);  // The executor must not run out of work before the outcome is on it.
    const std::error_code error = result_ < 0 ? std::error_code(-result_, asio::system_category()) : std::error_code();
    Outcome<Handler, typename Owned::Value> outcome{std::move(handler_), error, owned_.value(result_), has_slot_};
    self.reset();
    asio::dispatch(work.get_executor(), sched::Wakeup(std::move(outcome)));
  }

 private:
  void take_over(int result) noexcept override { owned_.take_over(result); }

  using Executor = asio::associated_executor_t<Handler, asio::any_io_executor>;
  Handler handler_;
  Owned owned_;
  asio::executor_work_guard<Executor> work_;
  bool has_slot_ = false;
};

// Once started, the operation may complete on another thread before start() returns: nothing of the caller's frame, in
// which this object may live, is touched after it.
struct StartOperation {
  OperationRunner* runner;

  template <class Handler, class Owned>
  void operator()(Handler&& handler, const FileRequest& request, Owned owned) const {
    using Operation = HandledOperation<std::decay_t<Handler>, Owned>;
    std::unique_ptr<FileOperation> operation =
        std::make_unique<Operation>(*runner, std::forward<Handler>(handler), request, std::move(owned));
    runner->start(std::move(operation));
  }
};

}  // namespace detail

/// Starts any request but open and close. Completion: void(std::error_code, int), the int as the system call returns
/// it. Cancellation of any type through the handler's slot ends it with asio::error::operation_aborted where that is
/// still possible; what the request points to is the operation's until then.
template <class CompletionToken>
auto async_perform(OperationRunner& runner, const FileRequest& request, CompletionToken&& token) {
  assert(request.call != FileCall::open && request.call != FileCall::close);  // They own descriptors: see below.
  return asio::async_initiate<CompletionToken, void(std::error_code, int)>(detail::StartOperation{&runner}, token,
                                                                           request, detail::OwnsNothing());
}

/// Starts FileRequest::open. Completion: void(std::error_code, OpenFile), the file without a path.
template <class CompletionToken>
auto async_open(OperationRunner& runner, const FileRequest& request, CompletionToken&& token) {
  return asio::async_initiate<CompletionToken, void(std::error_code, OpenFile)>(detail::StartOperation{&runner}, token,
                                                                                request, detail::OwnsOpened());
}

/// Closes. Completion: void(std::error_code, int). Not cancellable: once started it happens.
template <class CompletionToken>
auto async_close(OperationRunner& runner, OpenFile file, CompletionToken&& token) {
  const FileRequest request = FileRequest::close(file.descriptor());
  return asio::async_initiate<CompletionToken, void(std::error_code, int)>(
      detail::StartOperation{&runner}, token, request, detail::OwnsClosing(std::move(file)));
}

}  // namespace io
