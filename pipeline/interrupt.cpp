#include "pipeline/interrupt.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace pipeline {
namespace {

std::atomic<bool> asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch it");

void on_signal(int) {
  if (asked.exchange(true)) _exit(interrupted_exit_code);
}

}  // namespace

void catch_interrupts() noexcept {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
  sigaction(SIGXFSZ, &action, nullptr);  // a file-size limit then is an error that names the file
}

bool interrupted() noexcept {
  return asked.load(std::memory_order_relaxed);
}

void forget_interrupt() noexcept {
  asked.store(false, std::memory_order_relaxed);
}

}  // namespace pipeline
