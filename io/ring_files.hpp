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
  /// Throws RingRefused where this kernel or container does not let us use io_uring. A limit of locked memory too low
  /// for the blocks is no refusal: reads are then plain ones.
  explicit RingFiles(const FilesOptions& options, const RingSystem& system = {});

  asio::any_io_executor executor() noexcept override { return context_.get_executor(); }
  void run() override { context_.run(); }
  void stop() noexcept override { context_.stop(); }
  std::string description() const override { return "io_uring"; }

  bool blocks_registered() const noexcept { return blocks_registered_; }
  RingContext& context() noexcept { return context_; }

 private:
  OperationRunner& runner() noexcept override { return context_; }
  std::uint64_t submissions_count() const noexcept override { return context_.submissions_count(); }

  RingContext context_;
};

/// As make_files(options), with the kernel asked through `system`.
std::unique_ptr<Files> make_files(const FilesOptions& options, const RingSystem& system);

}  // namespace io
