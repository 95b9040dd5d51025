#pragma once

// Files without io_uring: handlers run on an Asio io_context, a few threads make the blocking calls. For kernels and
// containers that refuse the ring; the semantics are the same.

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <string>

#include "io/call_threads.hpp"
#include "io/request_files.hpp"

namespace io {

class ThreadFiles final : public RequestFiles {
 public:
  /// `ring_refusal` is why there is no ring, empty where nobody asked for one.
  explicit ThreadFiles(const FilesOptions& options, std::string ring_refusal = {});

  asio::any_io_executor executor() noexcept override { return context_.get_executor(); }
  void run() override;
  void stop() noexcept override { context_.stop(); }
  std::string description() const override;

 private:
  OperationRunner& runner() noexcept override { return threads_; }

  std::string ring_refusal_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;  ///< run() ends by stop() only
  CallThreads threads_;
};

}  // namespace io
