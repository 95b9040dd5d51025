#pragma once

// Standard input to standard output, line by line: on every core of the process, written in the order of the lines.

#include <cstddef>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pipeline {

/// Standard input in pieces; none at its end.   Throws std::runtime_error where it cannot be read.
class StandardInput {
 public:
  explicit StandardInput(std::size_t piece_bytes) : buffer_(piece_bytes) {}
  std::string_view next();

 private:
  std::vector<char> buffer_;
};

/// Both throw std::runtime_error where standard output cannot be written.
void write_to_standard_output(std::string_view bytes);
void flush_standard_output();

/// Appends to `out` what becomes of a line; neither has its newline.
using LineWork = std::function<void(std::string_view line, std::string& out)>;

/// Does the work of every line that is not blank and writes a line for it. `make_work` is called once for each core.
/// Memory: a few hundred kilobytes a core, or what long lines need.
///   Throws what the work of a line throws as std::runtime_error with the line's number, after the lines before it are
///   written.
void work_on_lines(const std::function<LineWork()>& make_work);

}  // namespace pipeline
