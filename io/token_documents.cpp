#include "io/token_documents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace io {
namespace {

/// Converted at a time: 16 KiB of ids stay in the first cache between the passes over them.
constexpr std::size_t tokens_at_once = 4096;

}  // namespace

TokenDocuments::TokenDocuments(const TokenFile& file, TokenIndex* index, TokenId end_of_text,
                               std::size_t vocabulary_size, const TokenPosition& start)
    : file_(file),
      index_(index),
      end_of_text_(end_of_text),
      vocabulary_size_(vocabulary_size),
      position_(start),
      token_(start.token) {
  assert((index == nullptr) == file.index_path.empty());
  assert(index == nullptr || index->position() == start);
  assert(end_of_text >= 0 && static_cast<std::size_t>(end_of_text) < vocabulary_size);
}

TokenDocuments::Fed TokenDocuments::feed(std::span<const std::byte> bytes, std::vector<TokenId>& ids,
                                         std::vector<TokenDocument>& ends) {
  ids_begin_ = ids.size();
  Fed fed;
  if (cut_bytes_ > 0) {
    const std::size_t missing = std::min<std::size_t>(file_.token_bytes - cut_bytes_, bytes.size());
    std::copy_n(bytes.begin(), missing, cut_token_.begin() + static_cast<std::ptrdiff_t>(cut_bytes_));
    if (cut_bytes_ + missing < file_.token_bytes) {
      cut_bytes_ += missing;
      return {missing, Stop::fed};
    }
    const Fed one = feed_tokens(std::span(cut_token_).first(file_.token_bytes), ids, ends);
    if (one.bytes_taken == 0) return one;  // the index comes first, and these bytes once more
    cut_bytes_ = 0;
    fed = {missing, one.stop};
    if (fed.stop != Stop::fed) return fed;
  }
  const std::span<const std::byte> rest = bytes.subspan(fed.bytes_taken);
  const std::size_t whole_bytes = rest.size() / file_.token_bytes * file_.token_bytes;
  const Fed most = feed_tokens(rest.first(whole_bytes), ids, ends);
  fed.bytes_taken += most.bytes_taken;
  fed.stop = most.stop;
  if (fed.stop != Stop::fed) return fed;
  cut_bytes_ = rest.size() - whole_bytes;
  std::copy_n(rest.begin() + static_cast<std::ptrdiff_t>(whole_bytes), cut_bytes_, cut_token_.begin());
  fed.bytes_taken = bytes.size();
  return fed;
}

TokenDocuments::Fed TokenDocuments::feed_tokens(std::span<const std::byte> bytes, std::vector<TokenId>& ids,
                                                std::vector<TokenDocument>& ends) {
  if (over_) {
    token_ += bytes.size() / file_.token_bytes;
    return {bytes.size(), Stop::fed};
  }
  return index_ != nullptr ? feed_indexed(bytes, ids, ends) : feed_unindexed(bytes, ids, ends);
}

TokenDocuments::Fed TokenDocuments::feed_indexed(std::span<const std::byte> bytes, std::vector<TokenId>& ids,
                                                 std::vector<TokenDocument>& ends) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const TokenIndex::State state = index_->look();
    if (state == TokenIndex::State::needed) return {taken, Stop::index};
    if (state != TokenIndex::State::known) {
      give_up(state == TokenIndex::State::damaged ? index_->damage() : "tokens behind the last document", ids);
      token_ += (bytes.size() - taken) / file_.token_bytes;
      return {bytes.size(), Stop::damaged};
    }
    if (token_ < index_->end()) {
      const std::span<const TokenId> piece = convert(bytes.subspan(taken), index_->end() - token_);
      taken += piece.size() * file_.token_bytes;
      if (!take_indexed(piece, ids)) return {taken, Stop::damaged};
    }
    if (token_ == index_->end()) end_document(ids, ends, 0);
  }
  return {taken, Stop::fed};
}

/// Some more tokens of the document under way, maybe its last ones; false where they are its first bad ones.
bool TokenDocuments::take_indexed(std::span<const TokenId> piece, std::vector<TokenId>& ids) {
  token_ += piece.size();
  const bool is_last = token_ == index_->end();
  const bool has_end = is_last && piece.back() == end_of_text_;
  if (!take(has_end ? piece.first(piece.size() - 1) : piece, token_ - piece.size(), ids)) return false;
  if (!is_last || has_end || spoiled_ || file_.kind != TokenFile::Kind::icosa) return true;
  spoil("the document does not end with the end-of-text token", token_ - 1, ids);
  return false;
}

TokenDocuments::Fed TokenDocuments::feed_unindexed(std::span<const std::byte> bytes, std::vector<TokenId>& ids,
                                                   std::vector<TokenDocument>& ends) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    std::span<const TokenId> left = convert(bytes.subspan(taken), tokens_at_once);
    while (!left.empty()) {
      const auto end = std::find(left.begin(), left.end(), end_of_text_);
      const std::span<const TokenId> piece = left.first(static_cast<std::size_t>(end - left.begin()));
      taken += piece.size() * file_.token_bytes;
      token_ += piece.size();
      if (!take(piece, token_ - piece.size(), ids)) return {taken, Stop::damaged};
      if (end == left.end()) break;
      taken += file_.token_bytes;
      token_ += 1;
      end_document(ids, ends, 1);
      left = left.subspan(piece.size() + 1);
    }
  }
  return {taken, Stop::fed};
}

TokenDocuments::Stop TokenDocuments::finish(std::vector<TokenId>& ids, std::vector<TokenDocument>& ends) {
  ids_begin_ = ids.size();
  while (index_ != nullptr && !over_) {  // documents without a token may be left
    const TokenIndex::State state = index_->look();
    if (state == TokenIndex::State::needed) return Stop::index;
    if (state != TokenIndex::State::known || token_ < index_->end()) break;
    end_document(ids, ends, 0);
  }
  if (over_) return Stop::fed;
  if (index_ != nullptr && index_->look() == TokenIndex::State::damaged) {
    give_up(index_->damage(), ids);
    return Stop::damaged;
  }
  if (token_ != file_.tokens_count || cut_bytes_ > 0) {
    give_up(fmt::format("the file ends after token {} of {}", token_, file_.tokens_count), ids);
    return Stop::damaged;
  }
  over_ = true;
  if (token_ > position_.token) end_document(ids, ends, 0);
  return Stop::fed;
}

/// The ids of the first tokens of `bytes`, at most `tokens_max`. They hold until the next call.
std::span<const TokenId> TokenDocuments::convert(std::span<const std::byte> bytes, std::uint64_t tokens_max) {
  const std::size_t count = std::min({bytes.size() / file_.token_bytes, tokens_at_once,
                                      static_cast<std::size_t>(std::min<std::uint64_t>(tokens_max, tokens_at_once))});
  converted_.clear();
  append_ids(file_, bytes.first(count * file_.token_bytes), converted_);
  return converted_;
}

/// Checks and appends ids of the document under way, which begin at `token`; false where they spoil it.
bool TokenDocuments::take(std::span<const TokenId> piece, std::uint64_t token, std::vector<TokenId>& ids) {
  if (spoiled_) return true;
  if (const std::optional<std::size_t> bad = first_bad_id(piece, vocabulary_size_)) {
    const TokenId id = piece[*bad];
    spoil(id < 0 ? "a token id that is negative or has more than 31 bits"
                 : fmt::format("the token id {} is not one of 0 to {}", id, vocabulary_size_ - 1),
          token + *bad, ids);
    return false;
  }
  ids.insert(ids.end(), piece.begin(), piece.end());
  return true;
}

/// `end_tokens`: without an index, how many end-of-text tokens ended it.
void TokenDocuments::end_document(std::vector<TokenId>& ids, std::vector<TokenDocument>& ends,
                                  std::uint64_t end_tokens) {
  const std::uint64_t begin = position_.token;
  // What stands before the first end-of-text token of a file is a document only where it is something.
  const bool is_document = index_ != nullptr || token_ > end_tokens;
  if (index_ != nullptr) {
    index_->pass();
    position_ = index_->position();
  } else {
    position_.token = token_;
    if (is_document) ++position_.document;
  }
  if (is_document && !spoiled_) ends.push_back({ids.size(), begin, token_});
  spoiled_ = false;
  ids_begin_ = ids.size();
}

void TokenDocuments::spoil(std::string reason, std::uint64_t token, std::vector<TokenId>& ids) {
  damage_ = {std::move(reason), position_.token, token};
  spoiled_ = true;
  ids.resize(ids_begin_);
}

/// There is nothing more to be had from this file.
void TokenDocuments::give_up(std::string reason, std::vector<TokenId>& ids) {
  spoil(std::move(reason), token_, ids);
  over_ = true;
}

}  // namespace io
