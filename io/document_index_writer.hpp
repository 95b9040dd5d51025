#pragma once

// Writes an index of documents (io/document_index.hpp) while their beginnings and ends are found, file after file in
// the order of the corpus. It stands under a temporary name until it is whole and on disk.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/document_index_format.hpp"
#include "io/files.hpp"
#include "io/line_finder.hpp"
#include "sched/task.hpp"

struct XXH3_state_s;

namespace io {

/// Used by one coroutine: open, then for each file begin_file and its documents, then finish; or abandon at any time.
/// What is left behind by a process that died is overwritten by the next writer of the same path.
class DocumentIndexWriter {
 public:
  /// `manifest_hash`: what the index belongs to; DocumentIndex::open wants the same. `files` outlives the writer.
  DocumentIndexWriter(Files& files, std::string path, std::uint64_t manifest_hash);
  ~DocumentIndexWriter();

  /// Makes the temporary file. Throws FileError, as everything that writes.
  sched::task<void> open();
  /// The next file of the corpus.
  void begin_file(std::uint64_t size_bytes);
  /// The next documents of an indexed file, in their order. Throws DocumentIndexError for a document that begins at
  /// 2^48 bytes (256 TiB) or above.
  sched::task<void> add(std::span<const LineFinder::Line> documents);
  /// The documents of a file that takes no entries: one, where the file is a document.
  void add_without_entries(std::uint64_t documents_count = 1);
  /// Gives the index its name, in place of one that was there, when all of it is on disk.
  sched::task<void> finish();
  /// Removes the temporary file.
  sched::task<void> abandon();

 private:
  sched::task<void> flush();

  Files& files_;
  std::string path_;
  std::string temporary_;
  OpenFile file_;
  DocumentIndexHeader header_;
  std::vector<DocumentIndexFile> table_;
  std::vector<std::byte> buffer_;
  std::uint64_t written_bytes_ = DocumentIndexHeader::bytes;
  struct FreeState {
    void operator()(XXH3_state_s* state) const noexcept;
  };
  std::unique_ptr<XXH3_state_s, FreeState> hash_;
};

}  // namespace io
