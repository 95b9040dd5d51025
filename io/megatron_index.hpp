#pragma once

// The index that Megatron writes beside its tokens (.idx): the header, and where its three columns of numbers begin.

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/readable_file.hpp"

namespace io {

/// Magic (9 bytes), version (8), type of the tokens (1), number of sequences (8), number of document indices (8), then
/// the columns: lengths of the sequences in tokens (int32), where they begin in bytes (int64), and, for each document
/// and the end, its first sequence (int64). A column of one-byte modes may follow, which is of no interest here.
struct MegatronIndex {
  static constexpr std::uint64_t lengths_offset = 34;
  static constexpr std::uint64_t pointers_offset(std::uint64_t sequences_count) noexcept {
    return lengths_offset + 4 * sequences_count;
  }
  static constexpr std::uint64_t documents_offset(std::uint64_t sequences_count) noexcept {
    return pointers_offset(sequences_count) + 8 * sequences_count;
  }

  unsigned token_bytes = 2;
  bool is_signed = false;
  std::uint64_t sequences_count = 0;
  std::uint64_t documents_count = 0;
  std::uint64_t end_bytes = 0;  ///< of the last sequence, in the .bin

  /// Whether a file that begins so is an index of Megatron.
  static bool is_at(std::span<const std::byte> beginning) noexcept;
  /// Reads the header and the ends of the columns. What lies between is looked at when it is used (TokenIndex).
  ///   Throws CorpusError where the parts contradict each other, FileError where it cannot be read.
  static MegatronIndex read(const ReadableFile& file);
};

}  // namespace io
