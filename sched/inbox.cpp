#include "sched/inbox.hpp"

#include <asio/post.hpp>
#include <cassert>
#include <utility>

#include "sched/wakeups.hpp"

namespace sched {

Inbox::~Inbox() {
  assert(!any() && "an errand was put on a core that had ended");
}

void Inbox::post() {
  if (std::exchange(posted_, true)) return;
  post_.post(context_.get_executor(), [this] { run(); });
}

void Inbox::run() {
  posted_ = false;
  Errand* errand = sent_.take();
  while (errand != nullptr) {
    Errand& next = *std::exchange(errand, errand->next_);  // after it has run it may be gone
    count_wakeup();
    next.function_(next);
  }
}

void Inbox::sleep() {
  sleeping_.store(true, std::memory_order_seq_cst);
  if (sent_.empty()) context_.run_one();
  sleeping_.store(false, std::memory_order_relaxed);
}

void Inbox::end_sleep() noexcept {
  // One of those who put something meanwhile does it.
  if (sleeping_.exchange(false, std::memory_order_seq_cst)) asio::post(context_, [] {});
}

}  // namespace sched
