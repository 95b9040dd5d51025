#pragma once

// Runs coroutines of a test on real executors and waits for their end on the calling thread.

#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>
#include <future>
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

/// Runs `task` on the first core, joins the cores, and returns what it returned or throws what it threw. (Joined first:
/// thread sanitizer does not see how the C++ library counts the holders of an exception.)
template <class T>
T run_on(sched::Cores& cores, sched::task<T> task) {
  std::future<T> result = asio::co_spawn(cores.control(), std::move(task), asio::use_future);
  result.wait();
  cores.join();
  return result.get();
}

}  // namespace tests
