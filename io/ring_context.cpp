#include "io/ring_context.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <system_error>

#include "io/ring.hpp"
#include "io/ring_whole_reads.hpp"
#include "io/thread_name.hpp"

namespace io {
namespace {

// Entries that fit into one submission; more are submitted in several. 256 is four times the widest fan-out of reads.
constexpr unsigned entries_count = 256;

// Handlers that only call each other must not keep the disk waiting: after this many the queue is submitted anyway.
constexpr unsigned handlers_per_submission_max = 1024;

// Completions that are not an operation's.
constexpr OperationId cancellation_id = 0;
constexpr OperationId wake_id = 1;

}  // namespace

RingContext::RingContext() : RingContext(RingSystem{}) {}

RingContext::RingContext(const RingSystem& system)
    : ring_thread_(std::this_thread::get_id()),
      ring_(std::make_unique<Ring>(entries_count, system)),
      whole_reads_(std::make_unique<RingWholeReads>(*ring_)) {
  // Blocking on purpose: the ring answers EAGAIN at once for a descriptor that does not block, instead of waiting.
  wake_descriptor_ = ::eventfd(0, EFD_CLOEXEC);
  if (wake_descriptor_ < 0) throw RingRefused("no descriptor for wake-ups", errno);
}

RingContext::~RingContext() {
  cancel_all();
  // Destroying a handler unwinds its coroutine by way of its executor, which may be ours: go on until nothing comes.
  in_flight_.clear();
  unsubmitted_.clear();
  whole_reads_->clear();
  shutdown();
  do {
    ready_.clear();
    unsubmitted_.clear();
    whole_reads_->clear();
    arriving_.take_into(ready_);
  } while (!ready_.empty() || !unsubmitted_.empty());
  ring_.reset();
  ::close(wake_descriptor_);
}

void RingContext::run() {
  assert(is_ring_thread() && !running_);
  const ThreadName name("icosa-ring");
  struct Running {
    bool& flag;
    explicit Running(bool& running) : flag(running) { flag = true; }
    ~Running() { flag = false; }
  } const running(running_);
  while (!stopping_.exchange(false, std::memory_order_acquire)) {
    run_ready();
    if (!stopping_.load(std::memory_order_relaxed)) submit_and_reap();
  }
}

void RingContext::stop() noexcept {
  stopping_.store(true, std::memory_order_release);
  wake();
}

bool RingContext::register_buffers(std::span<const std::span<std::byte>> buffers) {
  return ring_->register_buffers(buffers);
}

std::uint64_t RingContext::submissions_count() const noexcept {
  return ring_->submissions_count();
}

asio::any_io_executor RingContext::handler_executor() noexcept {
  return get_executor();
}

void RingContext::start(std::unique_ptr<FileOperation> operation) {
  if (is_ring_thread()) {
    accept(std::move(operation));
  } else {
    post(make_task([this, started = std::move(operation)]() mutable { accept(std::move(started)); }));
  }
}

void RingContext::accept(std::unique_ptr<FileOperation> operation) {
  if (operation->request().call == FileCall::read_whole) {
    whole_reads_->add(std::move(operation));
  } else {
    unsubmitted_.push_back(std::move(operation));
  }
}

// Queued even on the ring's thread: behind a start() that is on its way, and never within the caller's emit().
void RingContext::cancel(OperationId id) {
  post(make_task([this, id] { cancel_here(id); }));
}

void RingContext::post(std::unique_ptr<Task> task) noexcept {
  if (is_ring_thread()) {
    ready_.push(std::move(task));
  } else if (arriving_.push(std::move(task))) {
    wake();
  }
}

void RingContext::wake() noexcept {
  const std::uint64_t one = 1;
  while (::write(wake_descriptor_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void RingContext::run_ready() {
  for (unsigned count = 0; count < handlers_per_submission_max; ++count) {
    if (ready_.empty()) arriving_.take_into(ready_);
    if (ready_.empty() || stopping_.load(std::memory_order_relaxed)) return;
    ready_.pop().release()->run();
  }
}

void RingContext::queue_requests() {
  if (!wake_armed_) {
    const FileRequest request =
        FileRequest::read(wake_descriptor_, 0, std::as_writable_bytes(std::span(&wake_count_, 1)));
    wake_armed_ = ring_->queue(request, wake_id);
  }
  while (!cancellations_.empty()) {
    if (!ring_->queue_cancellation(cancellations_.back(), cancellation_id)) return;
    cancellations_.pop_back();
  }
  while (!unsubmitted_.empty()) {
    std::unique_ptr<FileOperation>& operation = unsubmitted_.front();
    if (!ring_->queue(operation->request(), operation->id())) return;
    in_flight_.emplace(operation->id(), std::move(operation));
    unsubmitted_.pop_front();
  }
}

void RingContext::submit_and_reap() {
  queue_requests();
  const bool whole_reads_queued = whole_reads_->queue_requests();
  whole_reads_->take_ended(ready_);
  const bool all_queued = whole_reads_queued && wake_armed_ && cancellations_.empty() && unsubmitted_.empty();
  ring_->submit(all_queued && ready_.empty() ? 1 : 0);
  ring_->reap([this](OperationId id, int result) { complete(id, result); });
  whole_reads_->take_ended(ready_);
}

void RingContext::complete(OperationId id, int result) noexcept {
  if (RingWholeReads::owns(id)) return whole_reads_->complete(id, result);
  if (id == wake_id) wake_armed_ = false;
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;  // A wake-up or the answer to a cancellation.
  found->second->settle(result);
  ready_.push(std::move(found->second));
  in_flight_.erase(found);
}

void RingContext::cancel_here(OperationId id) {
  const auto flying = in_flight_.find(id);
  if (flying != in_flight_.end()) {
    flying->second->expect_cancellation();
    cancellations_.push_back(id);
    return;
  }
  const auto waiting =
      std::find_if(unsubmitted_.begin(), unsubmitted_.end(), [id](const auto& one) { return one->id() == id; });
  if (waiting == unsubmitted_.end()) return whole_reads_->cancel(id);
  (*waiting)->settle(-ECANCELED);
  ready_.push(std::move(*waiting));
  unsubmitted_.erase(waiting);
}

// Leaves nothing in flight. On another thread than the ring's the submission fails, and nothing is in flight: that
// thread has ended, and the kernel waited for its requests then.
void RingContext::cancel_all() noexcept {
  try {
    unsubmitted_.clear();
    cancellations_.clear();
    if (wake_armed_) cancellations_.push_back(wake_id);
    for (const auto& [id, operation] : in_flight_) cancellations_.push_back(id);
    whole_reads_->cancel_all();
    while (wake_armed_ || !in_flight_.empty() || whole_reads_->has_files_in_flight()) {
      while (!cancellations_.empty() && ring_->queue_cancellation(cancellations_.back(), cancellation_id))
        cancellations_.pop_back();
      const bool all_queued = whole_reads_->queue_requests() && cancellations_.empty();
      ring_->submit(all_queued ? 1 : 0);
      ring_->reap([this](OperationId id, int result) { complete(id, result); });
    }
  } catch (const std::system_error&) {
    ring_->reap([this](OperationId id, int result) { complete(id, result); });
  }
}

}  // namespace io
