#include "io/call_threads.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <asio/post.hpp>
#include <cerrno>

#include "io/error.hpp"
#include "io/thread_name.hpp"
#include "io/whole_reads.hpp"

namespace io {
namespace {

// As many files a thread takes at a time: 16 hot ones take about 0.1 ms, a hundred times what taking them does.
constexpr std::size_t files_per_turn = 16;

bool is_read_whole(const FileOperation& operation) noexcept {
  return operation.request().call == FileCall::read_whole;
}

}  // namespace

struct CallThreads::Worker {
  unsigned index;
  int interrupt_descriptor;          // readable while its current call is to end
  FileOperation* current = nullptr;  // guarded by the mutex
  bool interrupted = false;          // guarded by the mutex
  std::thread thread{};

  Worker(unsigned worker_index, int descriptor) : index(worker_index), interrupt_descriptor(descriptor) {}
  ~Worker() { ::close(interrupt_descriptor); }

  // Requires the mutex.
  void interrupt() noexcept {
    if (std::exchange(interrupted, true)) return;
    const std::uint64_t one = 1;
    while (::write(interrupt_descriptor, &one, sizeof one) < 0 && errno == EINTR) {
    }
  }

  // Requires the mutex.
  void finish() noexcept {
    current = nullptr;
    if (!std::exchange(interrupted, false)) return;
    std::uint64_t count = 0;
    while (::read(interrupt_descriptor, &count, sizeof count) < 0 && errno == EINTR) {
    }
  }
};

CallThreads::CallThreads(asio::any_io_executor handler_executor, unsigned threads_count)
    : handler_executor_(std::move(handler_executor)) {
  try {
    for (unsigned index = 0; index < threads_count; ++index) {
      const int descriptor = ::eventfd(0, EFD_CLOEXEC);
      if (descriptor < 0) throw FileError("file threads", 0, errno, "get a descriptor for wake-ups");
      Worker& worker = *workers_.emplace_back(std::make_unique<Worker>(index, descriptor));
      worker.thread = std::thread([this, &worker] { work(worker); });
    }
  } catch (...) {
    stop_and_join();
    throw;
  }
}

CallThreads::~CallThreads() {
  stop_and_join();
  // What is destroyed may start more: take it out first.
  while (!waiting_.empty()) {
    const std::unique_ptr<FileOperation> dropped = std::move(waiting_.front());
    waiting_.pop_front();
  }
}

void CallThreads::stop_and_join() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& worker : workers_) worker->interrupt();
  }
  arrived_.notify_all();
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

void CallThreads::start(std::unique_ptr<FileOperation> operation) {
  const bool for_many = is_read_whole(*operation);
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(operation));
  }
  if (for_many) {
    arrived_.notify_all();
  } else {
    arrived_.notify_one();
  }
}

void CallThreads::cancel(OperationId id) {
  std::unique_ptr<FileOperation> cancelled;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& worker : workers_) {
      if (worker->current == nullptr || worker->current->id() != id) continue;
      worker->current->expect_cancellation();
      worker->interrupt();
      return;
    }
    const auto found =
        std::find_if(waiting_.begin(), waiting_.end(), [id](const auto& waiting) { return waiting->id() == id; });
    if (found == waiting_.end()) return;
    cancelled = std::move(*found);
    waiting_.erase(found);
    if (is_read_whole(*cancelled)) {
      WholeReads& reads = whole_reads_of(cancelled->request());
      reads.drop_rest();
      if (!reads.all_ended()) return begun_.push_back(std::move(cancelled));
    }
  }
  cancelled->settle(-ECANCELED);
  // Not here: the caller is within emit(), which the handler must not run inside of.
  asio::post(handler_executor_, [ended = std::move(cancelled)]() mutable { ended.release()->run(); });
}

void CallThreads::work(Worker& worker) {
  const std::string name = "icosa-file-" + std::to_string(worker.index);
  const ThreadName thread_name(name.c_str());
  std::unique_lock lock(mutex_);
  for (;;) {
    arrived_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    if (is_read_whole(*waiting_.front())) {
      read_some_files(lock);
      continue;
    }
    std::unique_ptr<FileOperation> operation = std::move(waiting_.front());
    waiting_.pop_front();
    worker.current = operation.get();
    lock.unlock();
    const int result = call_and_wait(operation->request(), worker.interrupt_descriptor);
    lock.lock();
    // A stopping pool stays interrupted: no worker may begin to wait again.
    if (!stopping_) worker.finish();
    worker.current = nullptr;
    lock.unlock();
    operation->settle(result);
    operation.release()->run();
    lock.lock();
  }
}

// Of the operation in front, which then goes to the back: others come in between.
void CallThreads::read_some_files(std::unique_lock<std::mutex>& lock) {
  std::unique_ptr<FileOperation> front = std::move(waiting_.front());
  waiting_.pop_front();
  const FileOperation* const operation = front.get();
  WholeReads& reads = whole_reads_of(operation->request());
  const std::span<WholeRead> some = reads.begin(files_per_turn);
  if (reads.all_begun()) {
    begun_.push_back(std::move(front));
  } else {
    waiting_.push_back(std::move(front));
  }
  lock.unlock();
  for (WholeRead& read : some) read_whole_and_wait(read);
  lock.lock();
  reads.end(some.size());
  if (!reads.all_ended()) return;
  const auto found = std::ranges::find(begun_, operation, [](const auto& begun) { return begun.get(); });
  std::unique_ptr<FileOperation> ended = std::move(*found);
  begun_.erase(found);
  lock.unlock();
  ended->settle(reads.result());
  ended.release()->run();
  lock.lock();
}

}  // namespace io
