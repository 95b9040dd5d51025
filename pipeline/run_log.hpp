#pragma once

// metrics.jsonl and skipped.jsonl of a run: lines that are written as they come, whole ones only. A disk that is full
// holds them back for a while instead of ending the run.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "io/corpus.hpp"
#include "io/files.hpp"
#include "sched/task.hpp"

namespace pipeline {

class RunLog {
 public:
  RunLog(io::Files& files, std::string path) : files_(files), path_(std::move(path)) {}
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;
  /// Where the run has failed: writes what was held back, by a blocking call.
  ~RunLog();

  /// `size_bytes`: what stands in the file, which has been cut to it. Throws FileError.
  sched::task<void> open(std::uint64_t size_bytes);
  /// Writes `lines` behind the others. What cannot be written is kept and tried again with the next; throws FileError
  /// once that is more than `held_bytes_max`.
  sched::task<void> append(std::string lines);
  /// The same, but holds the lines back while the last write is less than `written_every_ns` ago: a write takes two
  /// changes of threads, and short steps would wait for that.
  sched::task<void> append_soon(std::string lines);
  /// Writes what was held back. Throws FileError.
  sched::task<void> flush();
  /// As flush, and closes; nothing but whole lines stays.
  sched::task<void> close();

  /// Of whole lines in the file.
  std::uint64_t size_bytes() const noexcept { return size_bytes_; }

  static constexpr std::size_t held_bytes_max = 1 << 20;
  static constexpr std::uint64_t written_every_ns = 100'000'000;

 private:
  io::Files& files_;
  std::string path_;
  io::OpenFile file_;
  std::uint64_t size_bytes_ = 0;
  std::string held_;
  std::uint64_t written_ns_ = 0;  // when the last write began
};

/// skipped.jsonl: each skip once, whoever meets it.
class SkipsLog {
 public:
  SkipsLog(io::Files& files, std::string path) : log_(files, std::move(path)) {}

  /// `known`: what stands in the file.
  sched::task<void> open(std::uint64_t size_bytes, const std::vector<io::Skip>& known);
  sched::task<void> append(const std::vector<io::Skip>& skips);
  sched::task<void> flush() { return log_.flush(); }
  sched::task<void> close() { return log_.close(); }

  std::uint64_t size_bytes() const noexcept { return log_.size_bytes(); }
  std::uint64_t count() const noexcept { return lines_.size(); }

 private:
  RunLog log_;
  std::set<std::string> lines_;
};

/// Cuts a log back, where it is there, by a blocking call before the run begins. Throws FileError.
void cut_log(const std::string& path, std::uint64_t size_bytes);

}  // namespace pipeline
