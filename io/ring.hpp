#pragma once

// liburing's ring as an object: set-up with what the kernel allows, the refusal with its reason, submission and
// completion. Knows requests, but no handlers and no threads. Owned and used by one thread, the RingContext's.

#include <liburing.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "io/file_request.hpp"

namespace io {

/// This kernel or container does not let us use io_uring. The text is the reason in a few words.
class RingRefused : public std::runtime_error {
 public:
  RingRefused(const std::string& reason, int error_number) : std::runtime_error(reason), error_number_(error_number) {}
  int error_number() const noexcept { return error_number_; }

 private:
  int error_number_;
};

/// The calls by which the kernel may refuse. Tests put their own in their place.
struct RingSystem {
  int (*set_up)(unsigned entries_count, io_uring* ring, io_uring_params* parameters) = io_uring_queue_init_params;
  int (*register_buffers)(io_uring* ring, const iovec* buffers, unsigned buffers_count) = io_uring_register_buffers;
  int (*register_file_slots)(io_uring* ring, unsigned slots_count) = io_uring_register_files_sparse;
  io_uring_probe* (*probe)(io_uring* ring) = io_uring_get_probe_ring;
};

class Ring {
 public:
  /// Sets up a ring for the calling thread, which alone may submit to it.
  ///   Throws RingRefused where the kernel refuses or lacks an operation that files need.
  Ring(unsigned entries_count, const RingSystem& system);
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  /// Pins `buffers` for fixed reads, numbered in order. False where the limit of locked memory is too low.
  bool register_buffers(std::span<const std::span<std::byte>> buffers);

  /// Makes a table of `slots_count` files that queue_open_and_read opens into. False where the kernel cannot (before
  /// Linux 5.19) or does not allow it.
  bool register_file_slots(unsigned slots_count);
  /// Sets each slot, in order, to no_file or leaves the same_file. False where the kernel refuses.
  bool update_file_slots(std::span<const int> files) noexcept;
  static constexpr int no_file = -1;
  static constexpr int same_file = -2;  // IORING_REGISTER_FILES_SKIP, of which liburing makes a macro

  /// Queues an entry whose completion carries `id`. False where the queue is full and the kernel takes nothing now:
  /// reap completions first.
  bool queue(const FileRequest& request, std::uint64_t id);
  bool queue_cancellation(std::uint64_t target_id, std::uint64_t id);
  /// Queues opening a file into the slot that `read.descriptor` is the number of, closing what is there, and then
  /// reading from it. There is one completion: of the read, or of the open where that fails.
  bool queue_open_and_read(const FileRequest& open, const FileRequest& read, std::uint64_t id);
  /// Queues an entry that completes after `wait_ns`, less than a second.
  bool queue_timer(std::int64_t wait_ns, std::uint64_t id);

  /// Gives the kernel all that is queued and waits for `completions_min` completions, in one call.
  ///   Returns early on a signal or when the kernel wants completions reaped first. Throws std::system_error otherwise,
  ///   also where memory is so short that the kernel takes half a chain: its other half would read from a stranger.
  void submit(unsigned completions_min);

  /// Calls `complete(id, result)` for every completion that has arrived. `complete` must not call the ring.
  template <class Complete>
  void reap(const Complete& complete) noexcept {
    io_uring_cqe* completion = nullptr;
    unsigned head = 0;
    unsigned seen_count = 0;
    io_uring_for_each_cqe(&ring_, head, completion) {
      complete(completion->user_data, completion->res);
      ++seen_count;
    }
    io_uring_cq_advance(&ring_, seen_count);
  }

  /// Calls that submitted something. From any thread.
  std::uint64_t submissions_count() const noexcept { return submissions_count_.load(std::memory_order_relaxed); }

 private:
  int set_up(unsigned entries_count, unsigned completions_count_per_entry) noexcept;
  io_uring_sqe* next_entry();

  RingSystem system_;
  io_uring ring_{};
  bool buffers_registered_ = false;
  __kernel_timespec wait_{};  // read by the kernel at the submission
  std::atomic<std::uint64_t> submissions_count_{0};
};

}  // namespace io
