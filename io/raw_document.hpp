#pragma once

// Documents as they were found in the bytes of a corpus, before anyone parsed or tokenized them, and the slab of memory
// in which a run of them lies. A slab is made in the order of the plan and may be worked on by any thread.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/corpus.hpp"
#include "io/inflate.hpp"
#include "io/tokenizer.hpp"

namespace io {

/// The reason of a Skip for a file that is not text: left out rather than damaged.
inline constexpr const char* binary_reason = "binary";

struct RawDocument {
  enum class Kind : std::uint8_t {
    whole,      ///< `bytes`, or `ids` of a token file: not looked at yet
    lengthy,    ///< too long to be held: found sound, to be read again from disk (io/long_document.hpp)
    skipped,    ///< `reason` says why
    epoch_end,  ///< no document: an epoch of the order has ended
  };

  Kind kind = Kind::whole;
  const Source* source = nullptr;
  std::uint64_t unit = 0;         ///< its stretch's place in the order
  std::uint64_t begin_bytes = 0;  ///< in its file, decompressed
  std::uint64_t end_bytes = 0;
  RestartPoint restart;       ///< where its file can be read from to get here
  std::string_view bytes;     ///< text, or a line of JSON without its newline; followed by block_padding_bytes
  std::size_t ids_begin = 0;  ///< of a token file: a range of the slab's ids
  std::size_t ids_end = 0;
  bool ends_unit = false;  ///< nothing more comes of its stretch
  std::string reason;
};

/// Owns the memory that its documents point into. Goes back to the reader that made it.
struct Slab {
  std::vector<RawDocument> documents;
  std::optional<std::size_t> lane;    ///< whose block of files it holds
  std::unique_ptr<char[]> buffer;     ///< of decompressed bytes
  std::deque<std::string> assembled;  ///< documents that lay in several blocks
  std::vector<TokenId> ids;           ///< of token files
};

}  // namespace io
