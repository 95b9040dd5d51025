#pragma once

// The header of a shard's index (shard-00000.idx): what its 80 bytes say. docs/formats.md has them byte by byte.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace io {

struct ShardIndexHeader {
  static constexpr std::uint32_t version = 1;
  static constexpr std::size_t size_bytes = 80;
  /// One for each document: the number of tokens of the shard up to its end-of-text token, that one included.
  static constexpr std::size_t entry_bytes = 8;

  std::uint32_t token_bytes = 2;
  std::uint64_t vocabulary_size = 0;
  std::uint64_t end_of_text = 0;
  std::uint64_t documents_count = 0;
  std::uint64_t tokens_count = 0;  ///< end-of-text tokens included
  std::uint64_t text_bytes = 0;
  std::uint64_t tokens_checksum = 0;   ///< xxHash3-64 of the whole .bin
  std::uint64_t entries_checksum = 0;  ///< xxHash3-64 of all entries

  std::array<std::byte, size_bytes> to_bytes() const;

  /// Whether a file that begins so is an index of ours.
  static bool is_at(std::span<const std::byte> beginning) noexcept;
  /// Throws CorpusError, naming `path`, for a newer version and for damage.
  static ShardIndexHeader from_bytes(std::span<const std::byte> beginning, const std::string& path);
};

}  // namespace io
