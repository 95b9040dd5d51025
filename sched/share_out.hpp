#pragma once

// A pass over something large, shared out among cores: each gets a part of its own, all at the same time. A part is a
// plain function that never waits, so no coroutine is made for it: the others find it in their inboxes.

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

#include "sched/cores.hpp"
#include "sched/inbox.hpp"
#include "sched/suspension.hpp"
#include "sched/task.hpp"
#include "sched/waiter.hpp"

namespace sched {

/// Awaits that so many parts are done.
class Parts : public Waiter {
 public:
  explicit Parts(std::size_t count) noexcept : left_(count + 1) {}

  /// From any thread; afterwards this may be gone.
  void done() noexcept {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) wake();
  }

  Suspension<Parts> wait() { return {this}; }

 private:
  friend Waiter;
  bool ready() const noexcept { return left_.load(std::memory_order_acquire) == 1; }
  void arm() noexcept { done(); }
  void stop() noexcept {}  // they are on their way

  std::atomic<std::size_t> left_;  // parts, and whoever has yet to wait
};

/// What one core finds in its inbox.
template <class Part>
class PartErrand : public Errand {
 public:
  PartErrand() noexcept : Errand([](Errand& self) { static_cast<PartErrand&>(self).run_for_others(); }) {}

  void prepare(Part& part, CoreIndex core, std::size_t cores_count, Parts& parts) noexcept {
    part_ = &part;
    core_ = core;
    cores_count_ = cores_count;
    parts_ = &parts;
  }

  void run() noexcept {
    try {
      (*part_)(core_, cores_count_);
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  void rethrow_failure() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  void run_for_others() noexcept {
    run();
    parts_->done();
  }

  Part* part_ = nullptr;
  CoreIndex core_ = 0;
  std::size_t cores_count_ = 0;
  Parts* parts_ = nullptr;
  std::exception_ptr failure_;
};

/// Runs part(core, cores_count) on each of the first `cores_count` cores and awaits them all; rethrows what a part
/// threw, of the first core where several did. The caller runs on the control's executor; what `part` refers to
/// outlives the await.
template <class Part>
task<void> share_out(Cores& cores, std::size_t cores_count, Part part) {
  at_suspension("share out a pass");
  // From here to the wait nothing suspends, so nobody can stop the caller before its parts are done.
  Parts parts(cores_count - 1);
  const auto errands = std::make_unique<PartErrand<Part>[]>(cores_count);
  for (CoreIndex core = 0; core < cores_count; ++core) errands[core].prepare(part, core, cores_count, parts);
  for (CoreIndex core = 1; core < cores_count; ++core) cores.inbox_of(core).put(errands[core]);
  errands[0].run();
  co_await parts.wait();
  for (CoreIndex core = 0; core < cores_count; ++core) errands[core].rethrow_failure();
}

}  // namespace sched
