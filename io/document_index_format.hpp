#pragma once

// The bytes of an index of documents (io/document_index.hpp): pure functions between them and numbers.
//
// The file, all numbers little-endian and without a sign; 72 bytes, 10 for each document of a file of many, 24 for each
// file:
//    0  8  the letters "icosaidx"
//    8  4  version: 1
//   12  4  zero
//   16  8  files
//   24  8  documents, of all files
//   32  8  entries
//   40  8  hash of the manifest: what the caller says the index belongs to
//   48  8  xxHash3-64 of the entries
//   56  8  xxHash3-64 of the table of files
//   64  8  xxHash3-64 of the 64 bytes before
//   72     entries, one for each document of an indexed file, in their order, 10 bytes each:
//            6  where the document begins in its file
//            4  its length in bytes; 2^32 - 1: up to the next document of the file, or to the end of the file
//          table of files, in their order, 24 bytes each:
//            8  number of its first document: of all documents before it
//            8  number of its first entry: of all entries before it
//            8  size of the file in bytes
// A file without entries is one document, or holds documents that it finds by itself (shards of tokens).

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace io {

/// An index of documents that cannot be used: not one, damaged, or of another corpus. The text is one line.
class DocumentIndexError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct DocumentIndexHeader {
  static constexpr std::size_t bytes = 72;

  std::uint64_t files_count = 0;
  std::uint64_t documents_count = 0;
  std::uint64_t entries_count = 0;
  std::uint64_t manifest_hash = 0;
  std::uint64_t entries_checksum = 0;
  std::uint64_t table_checksum = 0;

  std::uint64_t table_offset_bytes() const noexcept;
  std::uint64_t file_bytes() const noexcept;
};

std::array<std::byte, DocumentIndexHeader::bytes> bytes_of(const DocumentIndexHeader& header) noexcept;
/// `file_bytes`: size of the whole file. Throws DocumentIndexError with a reason, not naming the file.
DocumentIndexHeader read_document_index_header(std::span<const std::byte> bytes, std::uint64_t file_bytes);

struct DocumentIndexEntry {
  static constexpr std::size_t bytes = 10;
  static constexpr std::uint64_t begin_limit = std::uint64_t{1} << 48;
  static constexpr std::uint64_t length_unknown = 0xFFFFFFFF;

  std::uint64_t begin_bytes = 0;
  std::uint64_t length_bytes = 0;  ///< anything longer is written as unknown
};

/// Requires begin_bytes < begin_limit.
void append_entry(std::vector<std::byte>& bytes, const DocumentIndexEntry& entry);
/// Requires DocumentIndexEntry::bytes of them.
DocumentIndexEntry read_document_index_entry(const std::byte* bytes) noexcept;

struct DocumentIndexFile {
  static constexpr std::size_t bytes = 24;

  std::uint64_t first_document = 0;
  std::uint64_t first_entry = 0;
  std::uint64_t size_bytes = 0;
};

std::vector<std::byte> bytes_of(std::span<const DocumentIndexFile> table);
/// Throws DocumentIndexError where the table does not fit the header.
std::vector<DocumentIndexFile> read_document_index_table(std::span<const std::byte> bytes,
                                                         const DocumentIndexHeader& header);

}  // namespace io
