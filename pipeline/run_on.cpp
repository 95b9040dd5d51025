#include "pipeline/run_on.hpp"

#include <asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace pipeline {

void run_on(io::Files& files, sched::task<void> task) {
  std::exception_ptr failure;
  asio::co_spawn(files.executor(), std::move(task), [&](std::exception_ptr result) {
    failure = result;
    files.stop();
  });
  files.run();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pipeline
