#pragma once

// What the tests of token files share: files made byte by byte, and a consumer that feeds TokenDocuments in pieces.

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <fstream>
#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "io/token_documents.hpp"
#include "io/token_file.hpp"

namespace token_help {

using io::TokenId;
using Ids = std::vector<TokenId>;

/// The `bytes_count` lowest bytes of `number`, lowest first.
inline std::string little(std::uint64_t number, unsigned bytes_count) {
  std::string bytes;
  for (unsigned index = 0; index < bytes_count; ++index) bytes += static_cast<char>(number >> (8 * index) & 0xff);
  return bytes;
}

inline std::string tokens_of(const std::vector<std::int64_t>& ids, unsigned token_bytes) {
  std::string bytes;
  for (const std::int64_t id : ids) bytes += little(static_cast<std::uint64_t>(id), token_bytes);
  return bytes;
}

inline std::string llm_c_file(std::uint32_t magic, std::uint32_t version, std::uint32_t count,
                              const std::string& tokens) {
  return little(magic, 4) + little(version, 4) + little(count, 4) + std::string(1024 - 12, '\0') + tokens;
}

/// An index as Megatron writes it: `lengths` of sequences in tokens, `documents` as first sequences and the end.
inline std::string megatron_index(unsigned type_code, unsigned token_bytes, const std::vector<std::int64_t>& lengths,
                                  const std::vector<std::int64_t>& documents) {
  std::string bytes = std::string("MMIDIDX\0\0", 9) + little(1, 8) + little(type_code, 1);
  bytes += little(lengths.size(), 8) + little(documents.size(), 8) + tokens_of(lengths, 4);
  std::uint64_t pointer = 0;
  for (const std::int64_t length : lengths) {
    bytes += little(pointer, 8);
    pointer += static_cast<std::uint64_t>(length) * token_bytes;
  }
  return bytes + tokens_of(documents, 8);
}

/// A document, or in its place why it is none.
struct Found {
  Ids ids;
  std::uint64_t begin_token = 0;
  std::uint64_t end_token = 0;  ///< where it was noticed, of damage
  std::string reason;           ///< of damage

  bool operator==(const Found&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Found& found) {
    out << '[' << found.begin_token << ", " << found.end_token << ") " << found.reason;
    for (const TokenId id : found.ids) out << ' ' << id;
    return out;
  }
};

/// The sizes of the pieces in which something is read.
using Pieces = std::function<std::size_t()>;
inline Pieces pieces_of(std::size_t bytes) {
  return [bytes] { return bytes; };
}

inline std::span<const std::byte> part(const std::string& text, std::size_t from, std::size_t count) {
  const auto bytes = std::as_bytes(std::span(text));
  return bytes.subspan(from, std::min(count, bytes.size() - from));
}

/// Reads the documents of a file from `start`, `tokens` and `index` being the whole contents, in pieces.
class Consumer {
 public:
  Consumer(const io::TokenFile& file, std::string tokens, std::string index, TokenId end_of_text,
           std::size_t vocabulary_size, const io::TokenPosition& start = {})
      : file_(file), tokens_(std::move(tokens)), index_text_(std::move(index)) {
    if (!file.index_path.empty()) index_.emplace(file, start);
    documents_.emplace(file, index_ ? &*index_ : nullptr, end_of_text, vocabulary_size, start);
    at_ = file.first_token_offset_bytes + start.token * file.token_bytes;
  }

  /// Up to the end, or until `documents_max` were found.
  std::vector<Found> read(const Pieces& piece, const Pieces& index_piece, std::size_t documents_max = ~std::size_t{0}) {
    while (at_ < tokens_.size() && found_.size() < documents_max) {
      std::span<const std::byte> bytes = part(tokens_, at_, piece());
      while (!bytes.empty() && found_.size() < documents_max) {
        Ids ids;
        std::vector<io::TokenDocument> ends;
        const auto fed = documents_->feed(bytes, ids, ends);
        at_ += fed.bytes_taken;
        bytes = bytes.subspan(fed.bytes_taken);
        take(fed.stop, ids, ends, index_piece);
        BOOST_REQUIRE((fed.stop != io::TokenDocuments::Stop::fed || bytes.empty()));
        BOOST_REQUIRE((fed.stop != io::TokenDocuments::Stop::index || !bytes.empty()));
      }
    }
    while (found_.size() < documents_max) {
      Ids ids;
      std::vector<io::TokenDocument> ends;
      const auto stop = documents_->finish(ids, ends);
      take(stop, ids, ends, index_piece);
      if (stop == io::TokenDocuments::Stop::fed) break;
    }
    return found_;
  }

  const io::TokenPosition& position() const { return documents_->position(); }

 private:
  void take(io::TokenDocuments::Stop stop, const Ids& ids, const std::vector<io::TokenDocument>& ends,
            const Pieces& index_piece) {
    std::size_t begin = 0;
    for (const io::TokenDocument& end : ends) {
      under_way_.insert(under_way_.end(), ids.begin() + begin, ids.begin() + end.ids_end);
      found_.push_back({std::move(under_way_), end.begin_token, end.end_token, ""});
      under_way_.clear();
      begin = end.ids_end;
    }
    under_way_.insert(under_way_.end(), ids.begin() + begin, ids.end());
    if (stop == io::TokenDocuments::Stop::damaged) {
      BOOST_TEST(ids.size() == begin);  // of the damaged one nothing is left
      under_way_.clear();
      const io::TokenDamage& damage = documents_->damage();
      found_.push_back({{}, damage.begin_token, damage.token, damage.reason});
    }
    if (stop == io::TokenDocuments::Stop::index) {
      const auto wanted = index_->wanted(std::max<std::size_t>(index_piece(), 8));
      BOOST_REQUIRE(wanted.bytes > 0);
      // Short reads happen, in the middle of a number too.
      index_->add(part(index_text_, wanted.offset_bytes, std::min(wanted.bytes, index_piece())));
    }
  }

  io::TokenFile file_;
  std::string tokens_;
  std::string index_text_;
  std::optional<io::TokenIndex> index_;
  std::optional<io::TokenDocuments> documents_;
  std::size_t at_ = 0;
  Ids under_way_;
  std::vector<Found> found_;
};

}  // namespace token_help
