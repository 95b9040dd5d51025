#include "io/ring.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

namespace io {
namespace {

// Completions wait here while the thread runs handlers. Room for 16 times the entries: more in flight is correct (the
// kernel keeps what does not fit), but slower.
constexpr unsigned completions_per_entry = 16;

// 12 KiB in all.
constexpr unsigned small_entries_count = 64;
constexpr unsigned small_completions_per_entry = 4;

// Best first. SINGLE_ISSUER with DEFER_TASKRUN (Linux 6.1) completes on our thread when it asks, not in the middle of a
// handler; COOP_TASKRUN (5.19) at least spares the interrupts.
constexpr std::array<unsigned, 3> flag_choices = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL,
    0,
};

struct NeededCall {
  int opcode;
  const char* name;
};

constexpr std::array<NeededCall, 13> needed_calls = {{
    {IORING_OP_OPENAT, "OPENAT"},
    {IORING_OP_STATX, "STATX"},
    {IORING_OP_READ, "READ"},
    {IORING_OP_READ_FIXED, "READ_FIXED"},
    {IORING_OP_WRITE, "WRITE"},
    {IORING_OP_FSYNC, "FSYNC"},
    {IORING_OP_CLOSE, "CLOSE"},
    {IORING_OP_RENAMEAT, "RENAMEAT"},
    {IORING_OP_MKDIRAT, "MKDIRAT"},
    {IORING_OP_UNLINKAT, "UNLINKAT"},
    {IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL"},
    {IORING_OP_POLL_ADD, "POLL_ADD"},
    {IORING_OP_TIMEOUT, "TIMEOUT"},
}};

// Empty where the kernel has all we need.
std::string missing_call(io_uring& ring, const RingSystem& system) {
  io_uring_probe* const probe = system.probe(&ring);
  if (probe == nullptr) return "the kernel is too old to say what it supports";
  std::string reason;
  for (const NeededCall& needed : needed_calls) {
    if (io_uring_opcode_supported(probe, needed.opcode) != 0) continue;
    reason = std::string("the kernel lacks ") + needed.name;
    break;
  }
  io_uring_free_probe(probe);
  return reason;
}

void prepare(io_uring_sqe* entry, const FileRequest& request) {
  const auto flags = static_cast<unsigned>(request.flags);
  switch (request.call) {
    case FileCall::open:
      return io_uring_prep_openat(entry, AT_FDCWD, request.path, request.flags, request.mode);
    case FileCall::status:
      return io_uring_prep_statx(entry, request.descriptor, request.path, request.flags, STATX_BASIC_STATS,
                                 static_cast<struct statx*>(request.memory));
    case FileCall::read:
      if (request.buffer_index != FileRequest::not_registered) {
        io_uring_prep_read_fixed(entry, request.descriptor, request.memory, request.bytes_count, request.offset_bytes,
                                 request.buffer_index);
      } else {
        io_uring_prep_read(entry, request.descriptor, request.memory, request.bytes_count, request.offset_bytes);
      }
      entry->rw_flags = request.flags;
      return;
    case FileCall::read_whole:
      return assert(false);  // RingWholeReads takes it apart.
    case FileCall::write:
      return io_uring_prep_write(entry, request.descriptor, request.memory, request.bytes_count, request.offset_bytes);
    case FileCall::sync:
      return io_uring_prep_fsync(entry, request.descriptor, 0);
    case FileCall::close:
      return io_uring_prep_close(entry, request.descriptor);
    case FileCall::rename:
      return io_uring_prep_renameat(entry, AT_FDCWD, request.path, AT_FDCWD, request.target, flags);
    case FileCall::make_directory:
      return io_uring_prep_mkdirat(entry, AT_FDCWD, request.path, request.mode);
    case FileCall::remove:
      return io_uring_prep_unlinkat(entry, AT_FDCWD, request.path, request.flags);
    case FileCall::wait_ready:
      return io_uring_prep_poll_add(entry, request.descriptor, flags);
  }
}

// The kernel asks us to reap first, or a signal came: nothing is lost, the next submission goes on.
bool is_temporary(int error_number) {
  return error_number == EINTR || error_number == EAGAIN || error_number == EBUSY;
}

}  // namespace

Ring::Ring(unsigned entries_count, const RingSystem& system) : system_(system) {
  int result = set_up(entries_count, completions_per_entry);
  // Newer kernels count the ring as locked memory, of which a container may allow 64 KiB: a small ring still beats
  // none.
  if (result == -ENOMEM) result = set_up(std::min(entries_count, small_entries_count), small_completions_per_entry);
  if (result < 0) throw RingRefused(std::strerror(-result), -result);
  std::string reason = missing_call(ring_, system_);
  // Without NODROP (Linux 5.5) a full completion queue loses completions.
  if (reason.empty() && (ring_.features & IORING_FEAT_NODROP) == 0) reason = "the kernel may drop completions";
  if (reason.empty()) return;
  io_uring_queue_exit(&ring_);
  throw RingRefused(reason, EOPNOTSUPP);
}

int Ring::set_up(unsigned entries_count, unsigned completions_count_per_entry) noexcept {
  int result = -EINVAL;
  for (const unsigned flags : flag_choices) {
    io_uring_params parameters{};
    parameters.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    parameters.cq_entries = entries_count * completions_count_per_entry;
    result = system_.set_up(entries_count, &ring_, &parameters);
    if (result != -EINVAL) break;
  }
  return result;
}

Ring::~Ring() {
  // The kernel tears a ring down some time after its descriptor is closed; unregistering gives the locked memory back
  // now, so that the next ring of this user finds it.
  if (buffers_registered_) io_uring_unregister_buffers(&ring_);
  io_uring_queue_exit(&ring_);
}

bool Ring::register_buffers(std::span<const std::span<std::byte>> buffers) {
  std::vector<iovec> vectors;
  vectors.reserve(buffers.size());
  for (const std::span<std::byte> buffer : buffers) vectors.push_back({buffer.data(), buffer.size()});
  buffers_registered_ = system_.register_buffers(&ring_, vectors.data(), static_cast<unsigned>(vectors.size())) == 0;
  return buffers_registered_;
}

bool Ring::register_file_slots(unsigned slots_count) {
  static_assert(same_file == IORING_REGISTER_FILES_SKIP);
  // An open that succeeds without a completion, a read that looks for its file only when its turn comes.
  constexpr unsigned needed = IORING_FEAT_CQE_SKIP | IORING_FEAT_LINKED_FILE;
  return (ring_.features & needed) == needed && system_.register_file_slots(&ring_, slots_count) == 0;
}

bool Ring::update_file_slots(std::span<const int> files) noexcept {
  const auto count = static_cast<unsigned>(files.size());
  return io_uring_register_files_update(&ring_, 0, files.data(), count) >= 0;
}

io_uring_sqe* Ring::next_entry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (entry != nullptr) return entry;
  submit(0);
  return io_uring_get_sqe(&ring_);
}

bool Ring::queue(const FileRequest& request, std::uint64_t id) {
  io_uring_sqe* const entry = next_entry();
  if (entry == nullptr) return false;
  prepare(entry, request);
  io_uring_sqe_set_data64(entry, id);
  return true;
}

bool Ring::queue_cancellation(std::uint64_t target_id, std::uint64_t id) {
  io_uring_sqe* const entry = next_entry();
  if (entry == nullptr) return false;
  io_uring_prep_cancel64(entry, target_id, 0);
  io_uring_sqe_set_data64(entry, id);
  return true;
}

bool Ring::queue_open_and_read(const FileRequest& open, const FileRequest& read, std::uint64_t id) {
  // Both must go down in one submission, or they are no chain.
  if (io_uring_sq_space_left(&ring_) < 2) submit(0);
  if (io_uring_sq_space_left(&ring_) < 2) return false;
  io_uring_sqe* const opening = io_uring_get_sqe(&ring_);
  io_uring_prep_openat_direct(opening, AT_FDCWD, open.path, open.flags, open.mode,
                              static_cast<unsigned>(read.descriptor));
  io_uring_sqe_set_flags(opening, IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS);
  io_uring_sqe_set_data64(opening, id);
  io_uring_sqe* const reading = io_uring_get_sqe(&ring_);
  prepare(reading, read);
  io_uring_sqe_set_flags(reading, IOSQE_FIXED_FILE);
  io_uring_sqe_set_data64(reading, id);
  return true;
}

bool Ring::queue_timer(std::int64_t wait_ns, std::uint64_t id) {
  io_uring_sqe* const entry = next_entry();
  if (entry == nullptr) return false;
  wait_.tv_nsec = wait_ns;
  io_uring_prep_timeout(entry, &wait_, 0, 0);
  io_uring_sqe_set_data64(entry, id);
  return true;
}

void Ring::submit(unsigned completions_min) {
  const bool has_queued = io_uring_sq_ready(&ring_) != 0;
  // Without waiting, too, deferred completions and those that did not fit are fetched.
  const int result =
      completions_min != 0 ? io_uring_submit_and_wait(&ring_, completions_min) : io_uring_submit_and_get_events(&ring_);
  if (result < 0 && !is_temporary(-result)) throw std::system_error(-result, std::system_category(), "io_uring_enter");
  const unsigned taken_count = *ring_.sq.khead;
  const io_uring_sqe& last_taken = ring_.sq.sqes[(taken_count - 1) & ring_.sq.ring_mask];
  if (has_queued && io_uring_sq_ready(&ring_) != 0 && result > 0 && (last_taken.flags & IOSQE_IO_LINK) != 0)
    throw std::system_error(ENOMEM, std::system_category(), "io_uring_enter");
  if (has_queued && result > 0) submissions_count_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace io
