#pragma once

// The coroutine type of the whole program.

#include <asio/awaitable.hpp>

namespace sched {

/// A coroutine that its parent awaits or a Scope joins. Runs on the executor it was spawned on.
template <class T>
using task = asio::awaitable<T>;

}  // namespace sched
