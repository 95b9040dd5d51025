#pragma once

// The trace of a run, for --trace: a row for each executor and one for the ring thread. Made before the run's
// coroutines, written when the last of them has ended.

#include <memory>
#include <string>

#include "sched/cores.hpp"
#include "sched/trace.hpp"

namespace pipeline {

class RunTrace {
 public:
  /// Traces the calling thread, which is that of the files, and all of `cores`; nothing where `path` is empty.
  RunTrace(std::string path, const std::string& files_description, sched::Cores& cores);
  RunTrace(const RunTrace&) = delete;
  RunTrace& operator=(const RunTrace&) = delete;
  ~RunTrace();

  /// Throws io::FileError where a trace cannot be written there: said before a run, and not after hours of it.
  static void require_writable(const std::string& path);

  /// After `cores` were joined. Throws io::FileError.
  void write();

  /// What a trace of so many cores takes in memory.
  static std::size_t bytes(std::size_t cores_count) noexcept;

 private:
  std::string path_;
  std::unique_ptr<sched::Trace> trace_;
};

}  // namespace pipeline
