#include "sched/scope.hpp"

#include <asio/associated_cancellation_slot.hpp>
#include <asio/async_result.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/system_error.hpp>
#include <asio/use_awaitable.hpp>
#include <cassert>
#include <utility>

#include "sched/suspension.hpp"
#include "sched/wakeups.hpp"

namespace sched {

struct Scope::Child {
  asio::any_io_executor executor;
  asio::cancellation_signal stop;  // emitted on the child's executor only
};

struct Scope::Join {
  Scope* scope;
  template <class Function>
  void operator()(Function&& function) const {
    auto slot = asio::get_associated_cancellation_slot(function);
    scope->joined_ = Handler<std::error_code>(std::forward<Function>(function));
    if (slot.is_connected())
      slot.assign([scope = scope](asio::cancellation_type) {
        scope->parent_stopped_ = true;
        // Where the parent is about to go on all children have ended.
        if (scope->joined_) scope->stop_children();
      });
    scope->complete_if_quiet();
  }
};

Scope::~Scope() {
  assert(all_quiet() && "a scope ended before it was joined");
}

task<void> Scope::open() {
  at_suspension("open a scope");
  open_ = true;  // awaiting this is what throws
  co_return;
}

void Scope::spawn(asio::any_io_executor executor, task<void> child) {
  assert(open_ && "a scope needs its open() awaited before it spawns");
  auto state = std::make_shared<Child>();
  state->executor = executor;
  children_.push_back(state);
  ++running_;
  // The signal lives until the last request to stop has run: both handlers hold the state.
  auto on_end = [this, state, across = executor != executor_](std::exception_ptr failure) {
    if (across) count_wakeup();  // its beginning
    asio::post(executor_, Wakeup([this, failure] { ended(failure); }));
  };
  asio::co_spawn(executor, std::move(child), asio::bind_cancellation_slot(state->stop.slot(), std::move(on_end)));
}

task<void> Scope::join() {
  try {
    at_suspension("join a scope");
  } catch (...) {
    // Whatever happens here, the children are joined: it counts as a failure of one of them.
    failure_ = std::current_exception();
    stop_children();
  }
  Join initiate{this};
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::error_code)>(initiate, asio::use_awaitable);
  children_.clear();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  // A parent that went on would spawn more, and its next await would throw before those are joined.
  if (parent_stopped_) throw asio::system_error(asio::error::operation_aborted, "join");
}

void Scope::ended(std::exception_ptr failure) {
  --running_;
  if (failure && !failure_) {
    failure_ = failure;
    stop_children();
  }
  complete_if_quiet();
}

void Scope::complete_if_quiet() {
  if (all_quiet() && joined_) joined_.complete({});
}

void Scope::stop_children() {
  if (std::exchange(stopping_, true)) return;
  for (auto& child : children_) {
    // A request that arrives late still finds what the child waited in: the scope ends only after it has run.
    ++stops_under_way_;
    asio::post(child->executor, Wakeup([this, child] {
                 child->stop.emit(asio::cancellation_type::terminal);
                 asio::post(executor_, Wakeup([this] {
                              --stops_under_way_;
                              complete_if_quiet();
                            }));
               }));
  }
}

}  // namespace sched
