#pragma once

// Files over io_uring: the ring's thread runs the handlers, the kernel carries the requests out, reads into the pool's
// blocks go to registered memory.

#include <memory>
#include <string>

#include "io/request_files.hpp"
#include "io/ring.hpp"
#include "io/ring_context.hpp"

namespace io {

class RingFiles final : public RequestFiles {
 public:
  /// Throws RingRefused where this kernel or container does not let us use io_uring. Where the limit of locked memory
  /// is too low for all blocks, the first half of them is registered, or a quarter and so on; the others are read
  /// plainly.
  explicit RingFiles(const FilesOptions& options, const RingSystem& system = {});

  asio::any_io_executor executor() noexcept override { return context_.get_executor(); }
  void run() override { context_.run(); }
  void stop() noexcept override { context_.stop(); }
  std::string description() const override { return "io_uring"; }

  unsigned blocks_registered_count() const noexcept { return blocks_registered_count_; }
  RingContext& context() noexcept { return context_; }

 private:
  OperationRunner& runner() noexcept override { return context_; }
  std::uint64_t submissions_count() const noexcept override { return context_.submissions_count(); }

  RingContext context_;
};

/// As make_files(options), with the kernel asked through `system`.
std::unique_ptr<Files> make_files(const FilesOptions& options, const RingSystem& system);

}  // namespace io
