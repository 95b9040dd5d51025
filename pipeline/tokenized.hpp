#pragma once

// Slabs of raw documents become token ids: validated, parsed, tokenized. The part of ingest that any core can do; its
// results do not depend on which.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/json_record.hpp"
#include "io/raw_document.hpp"
#include "io/tokenizer.hpp"
#include "pipeline/order.hpp"

namespace pipeline {

/// A document of a TokenChunk, or what stands in its place.
struct TokenItem {
  io::RawDocument document;      ///< its memory is no longer there: not `bytes`
  std::size_t ids_end = 0;       ///< its ids end here, and begin where those of the item before end
  std::uint64_t text_bytes = 0;  ///< that the ids stand for
};

/// What becomes of a slab. Documents that are not of the side wanted are not in it.
struct TokenChunk {
  std::vector<io::TokenId> ids;
  std::vector<TokenItem> items;
};

/// One per thread. The tokenizer outlives it.
class SlabTokenizer {
 public:
  SlabTokenizer(const io::Tokenizer& tokenizer, const io::TextKey& text_key, const Selection& selection);

  TokenChunk tokenize(const io::Slab& slab);

 private:
  void add(const io::RawDocument& document, const io::Slab& slab, TokenChunk& chunk);

  const io::Tokenizer& tokenizer_;
  Selection selection_;
  std::unique_ptr<io::Encoder> encoder_;
  io::JsonRecordReader records_;
};

}  // namespace pipeline
