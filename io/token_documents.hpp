#pragma once

// From the bytes of a token file, arriving in pieces cut anywhere, to documents: ids, and where each document ends. A
// document is never held. Pure computation; the same documents wherever the pieces are cut.
//
// With an index a document ends where the index says, and one end-of-text token at its end is taken off. Without one it
// ends at each end-of-text token: nothing before the first of the file or behind the last is a document (llm.c writes
// the token in front), nothing between two of them is an empty one.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/token_file.hpp"
#include "io/token_index.hpp"

namespace io {

/// A document that has ended.
struct TokenDocument {
  std::size_t ids_end = 0;        ///< its ids end here in `ids`, and begin where those of the document before end
  std::uint64_t begin_token = 0;  ///< where it lies in the file, end-of-text tokens that belong to it included
  std::uint64_t end_token = 0;

  bool operator==(const TokenDocument&) const = default;
};

/// Why the document under way is to be skipped.
struct TokenDamage {
  std::string reason;
  std::uint64_t begin_token = 0;  ///< of the document
  std::uint64_t token = 0;        ///< where it was noticed
};

class TokenDocuments {
 public:
  enum class Stop {
    fed,      ///< all bytes were taken
    index,    ///< the index needs bytes: give it what it wants, then feed the rest, which is not empty
    damaged,  ///< `damage()`: the document under way is no document. Feed the rest: it goes on behind it
  };
  struct Fed {
    std::size_t bytes_taken = 0;
    Stop stop = Stop::fed;
  };

  /// `index`: of the same file and start, where the file has one; nullptr otherwise. It outlives this.
  /// `vocabulary_size`: every id must be below it, `end_of_text` too.
  TokenDocuments(const TokenFile& file, TokenIndex* index, TokenId end_of_text, std::size_t vocabulary_size,
                 const TokenPosition& start = {});

  /// Takes the bytes that follow; the first ones are those of the token at `start`. Appends the ids to `ids` and to
  /// `ends` the documents that ended. The ids behind the last of them belong to the document under way.
  ///   At Stop::damaged those ids are off `ids` again; what earlier calls appended for the document, if anything, the
  ///   caller drops.
  Fed feed(std::span<const std::byte> bytes, std::vector<TokenId>& ids, std::vector<TokenDocument>& ends);

  /// There are no more bytes: the file ends. As `feed`; after Stop::damaged or Stop::index call it again, until
  /// Stop::fed.
  Stop finish(std::vector<TokenId>& ids, std::vector<TokenDocument>& ends);

  const TokenDamage& damage() const noexcept { return damage_; }
  /// Behind the document that ended last, damaged ones included: where to begin again.
  const TokenPosition& position() const noexcept { return position_; }
  /// There will be no further document: the file is finished, or its index turned out to be damaged.
  bool is_over() const noexcept { return over_; }

 private:
  Fed feed_tokens(std::span<const std::byte> bytes, std::vector<TokenId>& ids, std::vector<TokenDocument>& ends);
  Fed feed_indexed(std::span<const std::byte> bytes, std::vector<TokenId>& ids, std::vector<TokenDocument>& ends);
  Fed feed_unindexed(std::span<const std::byte> bytes, std::vector<TokenId>& ids, std::vector<TokenDocument>& ends);
  bool take_indexed(std::span<const TokenId> piece, std::vector<TokenId>& ids);
  std::span<const TokenId> convert(std::span<const std::byte> bytes, std::uint64_t tokens_max);
  bool take(std::span<const TokenId> piece, std::uint64_t token, std::vector<TokenId>& ids);
  void end_document(std::vector<TokenId>& ids, std::vector<TokenDocument>& ends, std::uint64_t end_tokens);
  void spoil(std::string reason, std::uint64_t token, std::vector<TokenId>& ids);
  void give_up(std::string reason, std::vector<TokenId>& ids);

  TokenFile file_;
  TokenIndex* index_;
  TokenId end_of_text_;
  std::size_t vocabulary_size_;
  TokenPosition position_;
  std::uint64_t token_;   // that comes next
  bool spoiled_ = false;  // the document under way is damaged
  bool over_ = false;
  std::size_t ids_begin_ = 0;  // of the document under way, in `ids` of this call
  std::array<std::byte, 8> cut_token_{};
  std::size_t cut_bytes_ = 0;
  std::vector<TokenId> converted_;
  TokenDamage damage_;
};

}  // namespace io
