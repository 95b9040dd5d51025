#include "sched/waiter.hpp"

#include <asio/execution.hpp>
#include <asio/io_context.hpp>
#include <typeinfo>

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

void Waiter::resume() {
  Resume resume(std::move(*frames_), top_);
  frames_.reset();
  resume();
}

void Waiter::wake() noexcept {
  if (home_ != nullptr && home_ != inbox_here) {
    home_->put(*this);
    return;
  }
  using CoreExecutor = asio::io_context::executor_type;
  const asio::any_io_executor executor = frames_->get_executor();
  Resume resume(std::move(*frames_), top_);
  frames_.reset();
  // Asio 1.22's target() does not look whether it is of that type.
  if (executor.target_type() == typeid(CoreExecutor)) {
    post_.post(*executor.target<CoreExecutor>(), std::move(resume));
  } else {
    asio::execution::execute(asio::require(executor, asio::execution::blocking.never), std::move(resume));
  }
}

}  // namespace sched
