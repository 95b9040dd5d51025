#pragma once

// A pass over something large, shared out among cores: each gets a part of its own, all at the same time.

#include <cstddef>
#include <utility>

#include "sched/cores.hpp"
#include "sched/scope.hpp"
#include "sched/task.hpp"

namespace sched {

/// Runs part(core, cores_count), a task, on each of the first `cores_count` cores and awaits them all. One alone runs
/// where the caller does. The caller runs on the control's executor; what `part` refers to outlives the await.
template <class Part>
task<void> share_out(Cores& cores, std::size_t cores_count, Part part) {
  if (cores_count == 1) {
    task<void> whole = part(CoreIndex{0}, std::size_t{1});
    co_await std::move(whole);
    co_return;
  }
  Scope scope(cores.control());
  co_await scope.open();
  // The caller's own core last: a child there begins within spawn, and the others would wait until it is done.
  for (CoreIndex core = cores_count; core-- > 0;) scope.spawn(cores.of(core), part(core, cores_count));
  co_await scope.join();
}

}  // namespace sched
