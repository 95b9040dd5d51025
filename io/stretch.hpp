#pragma once

// What a plan asks the disk for: stretches of files, one after the other. A stretch is a whole file, what is left of
// one after a stop, or a single record of an indexed file.

#include <cstdint>

#include "io/corpus.hpp"
#include "io/inflate.hpp"
#include "io/token_file.hpp"
#include "sched/task.hpp"

namespace io {

/// Bytes of one file that are read in order. A stretch without a source marks the end of an epoch.
struct Stretch {
  const Source* source = nullptr;
  std::uint64_t unit = 0;           ///< its place in the order, over all epochs
  std::uint64_t begin_bytes = 0;    ///< where reading begins, in the file as it lies on disk
  std::uint64_t end_bytes = 0;      ///< where it ends
  std::uint64_t content_bytes = 0;  ///< where `begin_bytes` is in the decompressed stream
  std::uint64_t wanted_bytes = 0;   ///< documents that begin earlier in the decompressed stream are passed over

  RestartPoint restart;    ///< where `begin_bytes` is in a token file
  bool is_single = false;  ///< one record of a file of many

  bool is_whole_file() const noexcept {
    return source != nullptr && begin_bytes == 0 && end_bytes == source->size_bytes;
  }
  /// Whether a decompressor is to be told that its stream has ended.
  bool reaches_the_end() const noexcept { return end_bytes == source->size_bytes; }
};

/// The order of the stretches. Sources outlive it.
class StretchOrder {
 public:
  virtual ~StretchOrder() = default;
  /// The next stretch; false past the last one. Called by one coroutine at a time, on the reader's executor.
  virtual sched::task<bool> next(Stretch& stretch) = 0;
};

/// The whole of a file, or the sample of it that is to be read.
inline Stretch whole_file(const Source& source, std::uint64_t unit) noexcept {
  Stretch stretch;
  stretch.source = &source;
  stretch.unit = unit;
  stretch.end_bytes = source.read_bytes();
  if (source.tokens) stretch.begin_bytes = source.tokens->first_token_offset_bytes;
  return stretch;
}

}  // namespace io
