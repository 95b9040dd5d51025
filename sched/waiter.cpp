#include "sched/waiter.hpp"

#include <asio/execution.hpp>
#include <asio/io_context.hpp>
#include <typeinfo>

#include "sched/wakeups.hpp"

namespace sched {

/// The handler that is posted. Dropped unrun, as when an executor is torn down, it unwinds the coroutine.
struct Waiter::Resume : Frames {
  Resume(Frames&& frames, Frame* top) noexcept : Frames(std::move(frames)), top_(top) {}
  Resume(Resume&&) noexcept = default;

  void operator()() {
    top_->attach_thread(this);
    // The wait is over, and what it waited in may be gone before the next one: a stop must not find it.
    top_->clear_cancellation_slot();
    this->pump();
  }

 private:
  Frame* top_;
};

/// An allocator that has the waiter's memory to give.
template <class T>
class Waiter::Memory {
 public:
  using value_type = T;

  explicit Memory(std::byte* post) noexcept : post_(post) {}
  template <class Other>
  Memory(const Memory<Other>& other) noexcept : post_(other.post_) {}

  T* allocate(std::size_t count) noexcept {
    static_assert(sizeof(T) <= sizeof(Waiter::post_) && alignof(T) <= alignof(void*));
    assert(count == 1);
    return reinterpret_cast<T*>(post_);
  }
  void deallocate(T*, std::size_t) noexcept {}

  template <class Other>
  bool operator==(const Memory<Other>& other) const noexcept {
    return post_ == other.post_;
  }

 private:
  template <class>
  friend class Memory;
  std::byte* post_;
};

void Waiter::wake() noexcept {
  using CoreExecutor = asio::io_context::executor_type;
  const asio::any_io_executor executor = frames_->get_executor();
  Wakeup<Resume> resume(Resume(std::move(*frames_), top_));
  frames_.reset();
  // Asio 1.22's target() does not look whether it is of that type.
  if (executor.target_type() == typeid(CoreExecutor)) {
    const auto posting = asio::require(*executor.target<CoreExecutor>(), asio::execution::blocking.never);
    asio::execution::execute(asio::prefer(posting, asio::execution::allocator(Memory<void>(post_))), std::move(resume));
  } else {
    asio::execution::execute(asio::require(executor, asio::execution::blocking.never), std::move(resume));
  }
}

}  // namespace sched
