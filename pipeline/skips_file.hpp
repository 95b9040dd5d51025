#pragma once

// skipped.jsonl beside token shards: a line for every document that was skipped, written before the shard whose making
// met it is named, and cut back to that when an interrupted call is gone on with.

#include <cstdint>
#include <string>
#include <vector>

#include "io/corpus.hpp"
#include "io/files.hpp"
#include "pipeline/accounting.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// What stands in the file.
struct SkipsWritten {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

class SkipsFile {
 public:
  /// `written`: of an earlier call; what else stands in the file is dropped. `walked`: what the walk through the
  /// folders skipped; such lines come first.
  SkipsFile(io::Files& files, std::string path, const SkipsWritten& written, std::vector<io::Skip> walked);

  /// Writes what has been skipped since the last call. Throws FileError.
  sched::task<void> write(const Accounting& accounting);

  const SkipsWritten& written() const noexcept { return written_; }

 private:
  io::Files& files_;
  std::string path_;
  SkipsWritten written_;
  std::vector<io::Skip> walked_;
  std::size_t entered_count_ = 0;  // of the accounting's
  io::OpenFile file_;
};

}  // namespace pipeline
