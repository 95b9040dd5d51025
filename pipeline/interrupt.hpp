#pragma once

// Ctrl-C and SIGTERM: the first asks the run to end in order, a second ends the program at once. No thread and no lock:
// the control looks at a flag between steps.

namespace pipeline {

/// Catches SIGINT and SIGTERM from here on, and ignores SIGPIPE.
void catch_interrupts() noexcept;

/// Whether a run was asked to end.
bool interrupted() noexcept;

/// Exit code of an interrupted run.
inline constexpr int interrupted_exit_code = 130;

}  // namespace pipeline
