#pragma once

// The name that a thread shows to top, ps and debuggers while it does a job of ours.

#include <array>

namespace io {

/// Names the calling thread and gives it its old name back in the end: run() may be called on the main thread, whose
/// name is the program's.
class ThreadName {
 public:
  /// Requires at most 15 characters. Never fails: a name is a convenience.
  explicit ThreadName(const char* name) noexcept;
  ThreadName(const ThreadName&) = delete;
  ThreadName& operator=(const ThreadName&) = delete;
  ~ThreadName();

 private:
  std::array<char, 16> previous_{};
};

}  // namespace io
