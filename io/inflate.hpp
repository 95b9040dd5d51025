#pragma once

// Decompression of corpora: gzip members and zstd frames that arrive in pieces of any size become bytes that leave in
// pieces of any size. Pure arithmetic between the blocks that are read and the documents that are cut from them: no
// files, no coroutines, nothing shared. One Inflater per stream, owned by whoever reads that stream.
//
// Memory of an open stream: gzip 180 KB, always. zstd 96 KB, and from the first frame's header on 720 KB at most and
// the window that the frame names: 2 MiB at level 3, 8 MiB at level 19, never above 128 MiB. What comes out, and where
// damage is noticed, depends on the bytes that went in alone and not on how they were cut, with one exception: where a
// gzip file ends within a member, its last one or two bytes may come out or not (ISA-L decodes up to three literals at
// a time, and waits for input when the third may still be cut).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "io/format.hpp"

namespace io {

/// The compressed data is damaged, ends too early, or needs what is not offered here. The text is a short reason.
class InflateError : public std::runtime_error {
 public:
  InflateError(const std::string& reason, std::uint64_t offset_bytes)
      : std::runtime_error(reason), offset_bytes_(offset_bytes) {}

  /// In the decompressed stream: what came out whole before the damage.
  std::uint64_t offset_bytes() const noexcept { return offset_bytes_; }

 private:
  std::uint64_t offset_bytes_;
};

/// Where reading can begin afresh: the beginning of a gzip member or a zstd frame. Of a token file: the documents and
/// the sequences of its index that lie before it, and, as `decompressed_bytes`, the tokens.
struct RestartPoint {
  std::uint64_t compressed_bytes = 0;
  std::uint64_t decompressed_bytes = 0;
  std::uint64_t index_documents = 0;
  std::uint64_t index_sequences = 0;

  bool operator==(const RestartPoint&) const = default;
};

/// One compressed stream.
class Inflater {
 public:
  struct Step {
    std::size_t consumed_bytes = 0;
    std::size_t produced_bytes = 0;
  };

  Inflater() = default;
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  virtual ~Inflater() = default;

  /// Takes from the beginning of `input`, fills the beginning of `output`. Makes progress whenever input is not empty
  /// or output is pending: call it until a call neither consumes nor produces, then bring more input.
  ///   Requires room in `output`.   Throws InflateError, by a call of its own: after the bytes before the damage have
  ///   been handed out, and from then on.
  virtual Step inflate(std::span<const std::byte> input, std::span<std::byte> output) = 0;

  /// The input has ended.
  ///   Throws InflateError unless it ended after a whole member or frame and all output was fetched.
  virtual void finish() = 0;

  /// The latest beginning of a member or frame at or before what has been produced so far.
  virtual RestartPoint restart_point() const noexcept = 0;
};

/// An inflater for input that begins at `begin`, from where both offsets count on; the beginning of the file by
/// default. Uncompressed input is copied; every place is a restart point of it.
///   gzip: any number of members, CRC and length checked, zero padding after the last one.
///   zstd: any number of frames, skippable ones too, checksums verified; no dictionaries, no formats before 1.0.
std::unique_ptr<Inflater> make_inflater(Compression kind, RestartPoint begin = {});

/// The compression that the first bytes of a file announce; four bytes tell all of them.
Compression compression_of(std::span<const std::byte> beginning) noexcept;

}  // namespace io
