#pragma once

// What the user sees while a run goes on: lines and a progress bar on standard error, written through Files, so that a
// slow terminal blocks no executor.

#include <cstddef>
#include <cstdint>
#include <string>

#include "io/files.hpp"
#include "sched/task.hpp"

namespace pipeline {

class Console {
 public:
  /// `quiet`: nothing is shown.
  Console(io::Files& files, bool quiet);
  ~Console();

  bool quiet() const noexcept { return quiet_; }
  /// A terminal, where a line can be drawn over.
  bool interactive() const noexcept { return interactive_; }
  /// Columns of the terminal.
  std::size_t width() const noexcept;

  /// A line that stays.
  sched::task<void> say(std::string line);
  /// A line about what went wrong, also where nothing else is shown.
  sched::task<void> warn(std::string line);
  /// The line at the bottom, drawn over the last one; on a terminal only.
  sched::task<void> draw(std::string line);
  /// Takes the line at the bottom away; what is written by other means follows.
  sched::task<void> erase();
  /// Whether it is time to show how far a long command is: ten times a second on a terminal, else every ten seconds.
  bool progress_is_due() noexcept;
  /// Draws it, or says it where there is no terminal.
  sched::task<void> show_progress(std::string line);

 private:
  sched::task<void> write(std::string text);

  io::Files& files_;
  io::OpenFile standard_error_;
  bool quiet_;
  bool interactive_;
  bool drawn_ = false;  // a progress line stands at the bottom
  std::uint64_t progress_shown_ns_;
};

}  // namespace pipeline
