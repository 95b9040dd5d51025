#pragma once

// Ctrl-C and SIGTERM: the first asks the run to end in order, a second ends the program at once. No thread and no lock:
// the control looks at a flag between steps.

#include <stdexcept>

namespace pipeline {

/// The run was asked to end; where it had done a step it has written its checkpoint.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

/// Catches SIGINT and SIGTERM from here on, and ignores SIGPIPE.
void catch_interrupts() noexcept;

/// Whether a run was asked to end.
bool interrupted() noexcept;

/// As if nothing had been asked: for tests, which see more than one run end.
void forget_interrupt() noexcept;

/// Exit code of an interrupted run.
inline constexpr int interrupted_exit_code = 130;

}  // namespace pipeline
