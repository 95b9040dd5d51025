#pragma once

// Decompression of corpora: gzip with any number of members, zstd with any number of frames, arriving in pieces of any
// size. Pure computation; stands between the blocks read from disk and whoever finds documents in them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "io/format.hpp"

namespace io {

/// The compressed data is damaged or ends too early. The text says which.
class InflateError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Where reading can begin afresh: the beginning of a gzip member or of a zstd frame. Of a token file: the documents
/// and the sequences of its index that lie before it, and, as `decompressed_bytes`, the tokens.
struct RestartPoint {
  std::uint64_t compressed_bytes = 0;
  std::uint64_t decompressed_bytes = 0;
  std::uint64_t index_documents = 0;
  std::uint64_t index_sequences = 0;

  bool operator==(const RestartPoint&) const = default;
};

/// One compressed stream. About 90 kB of state for gzip, up to 8 MiB and 128 kB for zstd as its command line writes it.
class Inflater {
 public:
  virtual ~Inflater() = default;

  struct Step {
    std::size_t consumed_bytes;
    std::size_t produced_bytes;
  };

  /// Decompresses some of `input` into `output`. Neither consumes nor produces only when it needs more input.
  ///   Throws InflateError after everything that is sound has been produced by earlier calls.
  virtual Step inflate(std::span<const std::byte> input, std::span<std::byte> output) = 0;

  /// The input has ended.
  ///   Throws InflateError where that is within a member or a frame, or before the first one.
  virtual void finish() = 0;

  /// The latest beginning of a member or frame that is not behind what has been produced.
  const RestartPoint& restart_point() const noexcept { return restart_; }

 protected:
  explicit Inflater(const RestartPoint& begin) noexcept : at_(begin), restart_(begin) {}

  RestartPoint at_;  // what has been consumed and produced
  RestartPoint restart_;
};

/// `begin`: where the input that will be given begins. Requires kind != none.
std::unique_ptr<Inflater> make_inflater(Compression kind, const RestartPoint& begin);

/// What the first bytes of a file say that it is.
Compression compression_of(std::span<const std::byte> beginning) noexcept;

}  // namespace io
