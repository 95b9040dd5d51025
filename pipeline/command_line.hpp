#pragma once

// The command line: options to structs, exceptions to exit codes.

namespace pipeline {

/// Runs the program. 0 done; 1 it failed, with one line on standard error; 2 wrong usage; 130 interrupted.
int run_command_line(int argument_count, char** arguments);

}  // namespace pipeline
