#pragma once

// Where the documents of a corpus lie, so that they can be read in any order: one line of 10 bytes on disk for each
// record of a file of many, nothing for a file that is one document. Kept beside the run; looked up by a small read,
// so that its memory does not grow with the corpus.
//
// The file, all numbers little-endian:
//   8 bytes   "icosaidx"
//   4         version, 1
//   4         files: how many
//   8         documents, over all files
//   8         records: how many entries follow the table
//   8         xxHash3-64 of names, sizes and formats of the files, in their order
//   8         xxHash3-64 of the table and the entries
//   files x   8 + 8: number of the file's first document; number of its first entry
//   records x 6 + 4: where the record begins in its file; its length, 2^32 - 1 meaning "look for its end"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/corpus.hpp"
#include "io/document_splitter.hpp"
#include "io/files.hpp"
#include "io/read_ahead.hpp"
#include "sched/task.hpp"

namespace io {

/// Looks on while an index is made.
class IndexWatch {
 public:
  virtual ~IndexWatch() = default;
  /// Every now and then. What it throws ends the making.
  virtual sched::task<void> goes_on() = 0;
};

class DocumentIndex {
 public:
  /// A document: bytes [begin_bytes, end_bytes) of the file with that number.
  struct Location {
    std::size_t file = 0;
    std::uint64_t begin_bytes = 0;
    std::uint64_t end_bytes = 0;
  };

  std::uint64_t documents_count() const noexcept { return documents_count_; }

  /// Finds documents by their numbers, which run over the files in order.
  ///   found: as many, in the same order. Throws FileError. Called by one coroutine at a time.
  sched::task<void> locate(std::span<const std::uint64_t> numbers, std::vector<Location>& found);

  /// Reads all records below `sources` once and writes the index to `path`, which is replaced when it is whole. Where
  /// it is there already and of the same sources, it is used as it is. `sources` and `files` outlive the index.
  static sched::task<std::unique_ptr<DocumentIndex>> make(Files& files, BlockShare blocks,
                                                          const std::vector<Source>& sources,
                                                          const DocumentOptions& options, std::string path,
                                                          IndexWatch& watch);

 private:
  struct FirstNumbers {
    std::uint64_t document;
    std::uint64_t entry;
  };
  class Builder;

  DocumentIndex(Files& files, const std::vector<Source>& sources) : files_(files), sources_(sources) {}

  sched::task<bool> open(std::string path);
  sched::task<std::uint64_t> checksum_of(std::span<const std::byte> header, std::span<const std::byte> table);
  sched::task<void> read(std::uint64_t offset_bytes, std::span<std::byte> memory);

  Files& files_;
  const std::vector<Source>& sources_;
  OpenFile file_;
  std::uint64_t documents_count_ = 0;
  std::uint64_t records_count_ = 0;
  std::uint64_t entries_offset_bytes_ = 0;
  std::vector<FirstNumbers> firsts_;
  std::vector<std::byte> entries_;  // all of them, where they are few
};

}  // namespace io
