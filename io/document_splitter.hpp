#pragma once

// Finds the documents in the bytes of a file that arrive in pieces: the whole of a text file, the lines of JSONL. The
// same documents wherever the pieces are cut, in bounded memory: what is too long to be held is only checked, and read
// again by whoever wants it. Pure computation; used by DocumentReader.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/json_stream.hpp"
#include "io/raw_document.hpp"
#include "io/stretch.hpp"
#include "io/utf8.hpp"
#include "sched/queue_meter.hpp"

namespace io {

/// How documents are found.
struct DocumentOptions {
  TextKey text_key{"text"};
  std::size_t held_bytes_max = 1 << 20;  ///< a document up to this length is held in memory
  TokenId end_of_text = 0;
  std::size_t vocabulary_size = 0;
  sched::QueueMeter* blocks_meter = nullptr;  ///< of blocks that were read ahead, or none; outlives the reader
};

class DocumentSplitter {
 public:
  explicit DocumentSplitter(DocumentOptions options);

  /// Begins with a stretch; the one before has ended.
  void begin(const Stretch& stretch);
  /// The bytes that follow. They stay where they are as long as `slab` lives. `last`: the stretch ends with them.
  ///   `restart`: a place from which the decompressed stream can be had that is not behind the first of `bytes`.
  void feed(std::string_view bytes, bool last, const RestartPoint& restart, Slab& slab);
  /// The rest cannot be had. `offset_bytes`: in the decompressed stream.
  void fail(const std::string& reason, std::uint64_t offset_bytes, Slab& slab);
  /// After `fail`, or where nothing more is wanted of the stretch.
  bool is_over() const noexcept { return over_; }

 private:
  void feed_text(std::string_view bytes, bool last, Slab& slab);
  void feed_lines(std::string_view bytes, bool last, Slab& slab);
  void hold(std::string_view bytes);
  void check(std::string_view bytes);
  void end_document(std::string_view rest, std::uint64_t end_bytes, Slab& slab);
  RawDocument document_until(std::uint64_t end_bytes) const;
  const char* verdict(std::uint64_t& offset_bytes);

  DocumentOptions options_;
  Stretch stretch_;
  std::uint64_t at_bytes_ = 0;     // in the decompressed stream, of what is fed next
  std::uint64_t begin_bytes_ = 0;  // of the document under way
  RestartPoint restart_;           // for it
  RestartPoint fed_restart_;       // for documents that begin in what is fed now
  bool under_way_ = false;         // some of it has come
  bool blank_ = true;              // of a line too long to be held: nothing but white space so far
  bool over_ = false;
  std::string held_;                   // what has come of it, while it is short enough
  std::optional<Utf8Validator> text_;  // where it is not
  std::optional<JsonStream> line_;     // likewise
};

}  // namespace io
