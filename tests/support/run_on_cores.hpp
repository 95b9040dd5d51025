#pragma once

// Runs coroutines of a test on real executors and waits for their end on the calling thread.

#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>
#include <utility>

#include "sched/cores.hpp"
#include "sched/task.hpp"

namespace tests {

/// Cores for a test: `count` executors, all pinned to cores this process may use (several to one, if need be).
inline std::vector<sched::CoreNumber> some_cores(std::size_t count) {
  const auto allowed = sched::allowed_cores();
  std::vector<sched::CoreNumber> numbers;
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(allowed[i % allowed.size()]);
  return numbers;
}

/// Spawns `task` and returns what it returns, or throws what it throws.
template <class T>
T run_on(const asio::any_io_executor& executor, sched::task<T> task) {
  return asio::co_spawn(executor, std::move(task), asio::use_future).get();
}

}  // namespace tests
