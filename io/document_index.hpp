#pragma once

// Where the documents of a corpus lie, so that they can be read in any order: 10 bytes on disk for each document of a
// file of many, none for a file that is one document (io/document_index_format.hpp has the bytes). Made once by
// DocumentIndexWriter; a document is found by one small read, so that memory grows with the files, not the documents.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/document_index_format.hpp"
#include "io/files.hpp"
#include "sched/task.hpp"

namespace io {

class DocumentIndex {
 public:
  /// A document: bytes [begin_bytes, end_bytes) of the file with that number. A document of a file without entries has
  /// the bounds of the file.
  struct Location {
    std::size_t file = 0;
    std::uint64_t number_in_file = 0;
    std::uint64_t begin_bytes = 0;
    std::uint64_t end_bytes = 0;

    bool operator==(const Location&) const = default;
  };

  /// Opens the index at `path`. `files` outlives it.
  ///   Throws DocumentIndexError where it is none, is damaged (up to the entries of a large one, see `verify`) or
  ///   belongs to another manifest; FileError where it cannot be opened or read.
  static sched::task<std::unique_ptr<DocumentIndex>> open(Files& files, std::string path, std::uint64_t manifest_hash);

  std::uint64_t documents_count() const noexcept { return header_.documents_count; }
  std::size_t files_count() const noexcept { return table_.size(); }
  /// Numbers run over the files in order. Requires file <= files_count(), for which it is documents_count().
  std::uint64_t first_document(std::size_t file) const noexcept;

  /// Finds documents by their numbers, which may come in any order and more than once.
  ///   found: as many, in the same order.   Requires numbers below documents_count().
  ///   Reads of neighbours are made one; up to 16 are in flight. Several coroutines of one executor may call it.
  ///   Throws FileError; DocumentIndexError where entries are damaged.
  sched::task<void> locate(std::span<const std::uint64_t> numbers, std::vector<Location>& found);

  /// Reads all entries and throws DocumentIndexError where they are not what was written. Done by `open` for an index
  /// that it holds in memory (up to 8 MiB of entries).
  sched::task<void> verify();

  sched::task<void> close();

 private:
  struct Wanted;
  struct Lookup;

  DocumentIndex(Files& files, OpenFile file);

  sched::task<void> load(std::uint64_t manifest_hash);
  sched::task<void> read(std::uint64_t offset_bytes, std::span<std::byte> memory);
  sched::task<void> read_lane(Lookup& lookup);
  void resolve(const Wanted& wanted, std::uint64_t first_entry, std::span<const std::byte> entries,
               std::vector<Location>& found) const;
  std::uint64_t entries_end(std::size_t file) const noexcept;
  [[noreturn]] void refuse(const std::string& reason) const;

  Files& files_;
  OpenFile file_;
  DocumentIndexHeader header_;
  std::vector<DocumentIndexFile> table_;
  std::vector<std::byte> entries_;  // all of them, where they are few
};

}  // namespace io
