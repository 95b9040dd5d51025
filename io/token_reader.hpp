#pragma once

// Finds the documents of a token file in its bytes, which arrive in pieces: as DocumentSplitter does for text, but an
// index beside the file may have to be read for it. Documents too long to be held are only checked. Used by
// DocumentReader.
//
// Positions in a token file count tokens, not bytes; a RestartPoint then holds the documents and the index' sequences
// before it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "io/document_splitter.hpp"
#include "io/files.hpp"
#include "io/raw_document.hpp"
#include "io/stretch.hpp"
#include "io/token_documents.hpp"
#include "sched/task.hpp"

namespace io {

class TokenReader {
 public:
  TokenReader(Files& files, const DocumentOptions& options);

  /// Begins with a stretch of a token file: all of it, what is left from a document on, or a single one.
  void begin(const Stretch& stretch);
  /// The bytes that follow; appends what they complete to `slab`. `last`: the stretch ends with them.
  sched::task<void> feed(std::string_view bytes, bool last, Slab& slab);
  /// The rest cannot be had.
  void fail(const std::string& reason, Slab& slab);

 private:
  sched::task<void> feed_documents(std::string_view bytes, bool last, Slab& slab);
  sched::task<void> read_index();
  void feed_single(std::string_view bytes, bool last, Slab& slab);
  void take_ends(Slab& slab);
  void take_damage(Slab& slab);
  void shorten();
  RawDocument document(std::uint64_t begin_token, std::uint64_t end_token) const;

  Files& files_;
  DocumentOptions options_;
  Stretch stretch_;
  bool over_ = false;
  std::optional<TokenIndex> index_;
  std::optional<TokenDocuments> documents_;
  OpenFile index_file_;
  std::vector<std::byte> index_bytes_;
  TokenPosition before_;      // the document under way
  std::vector<TokenId> ids_;  // of it, or of its end where it is long
  bool is_long_ = false;      // some of its ids were dropped
  std::vector<TokenDocument> ends_;
  std::vector<std::byte> cut_;  // of a single document's token that lies in two pieces
};

}  // namespace io
