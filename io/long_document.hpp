#pragma once

// Reads a document that is too long to be held in memory, piece by piece. It was found sound before, so that what is
// read here may be used at once. Allocates its buffers when it is made; lives on the executor of whoever awaits it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "io/document_splitter.hpp"
#include "io/files.hpp"
#include "io/inflate.hpp"
#include "io/json_stream.hpp"
#include "io/raw_document.hpp"
#include "sched/task.hpp"

namespace io {

class LongDocument {
 public:
  /// `document` is of the kind `lengthy`.
  LongDocument(Files& files, const RawDocument& document, const TextKey& text_key);
  ~LongDocument();

  /// Before the first `next`: leaves out so much of what it would give, by seeking where the file is neither compressed
  /// nor JSON. Of a document of tokens: whole tokens.
  void skip(std::uint64_t bytes);

  /// Puts the next piece of its text into `text`; false, and the file closed, at its end. Of a document of tokens:
  /// their bytes, whole tokens.
  ///   Throws FileError where the file cannot be read any more or is not what it was.
  sched::task<bool> next(std::string& text);

 private:
  struct FreeMemory {
    void operator()(std::byte* memory) const noexcept;
  };

  sched::task<std::size_t> read();
  void take(std::string_view bytes, std::string& text);
  void inflate_into(std::string& text);

  Files& files_;
  RawDocument document_;
  std::unique_ptr<std::byte, FreeMemory> memory_;
  OpenFile file_;
  std::uint64_t read_bytes_;         // offset in the file of what is read next
  std::uint64_t content_bytes_;      // the same in the decompressed stream
  std::uint64_t skipped_bytes_ = 0;  // of the text, still to be left out
  std::unique_ptr<Inflater> inflater_;
  std::unique_ptr<std::byte[]> inflated_;
  std::span<const std::byte> compressed_;
  std::optional<JsonStream> line_;
};

}  // namespace io
