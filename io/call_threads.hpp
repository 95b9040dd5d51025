#pragma once

// The fallback for the ring: a few threads that make blocking calls, so that no executor has to. First come, first
// served. Owned by ThreadFiles.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "io/file_operation.hpp"

namespace io {

class CallThreads final : public OperationRunner {
 public:
  /// Starts `threads_count` threads named "icosa-file-N". Handlers without an executor of their own run on
  /// `handler_executor`, and so do those of cancelled operations.
  ///   Fails with FileError where descriptors run out, std::system_error where threads do.
  CallThreads(asio::any_io_executor handler_executor, unsigned threads_count);
  /// Ends waits for pipes and terminals, joins the threads after their current calls, destroys waiting operations
  /// uncalled. Opening a FIFO that nobody writes to is a call that only a writer ends.
  ~CallThreads();

  void start(std::unique_ptr<FileOperation> operation) override;
  /// Ends what has not begun, and a read or write that waits for a pipe or terminal; other calls run to their end. Of
  /// files read whole only those that a thread has at hand are still read.
  void cancel(OperationId id) override;
  asio::any_io_executor handler_executor() noexcept override { return handler_executor_; }

 private:
  struct Worker;

  void work(Worker& worker);
  void read_some_files(std::unique_lock<std::mutex>& lock);
  void stop_and_join() noexcept;

  asio::any_io_executor handler_executor_;
  std::mutex mutex_;  ///< guards what follows
  std::condition_variable arrived_;
  std::deque<std::unique_ptr<FileOperation>> waiting_;
  std::vector<std::unique_ptr<FileOperation>> begun_;  ///< read_whole whose last files threads have at hand
  bool stopping_ = false;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace io
