#include "io/token_reader.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>

namespace io {
namespace {

constexpr std::size_t index_bytes_max = 64 << 10;  // of an index, read at a time

}  // namespace

TokenReader::TokenReader(Files& files, const DocumentOptions& options) : files_(files), options_(options) {}

void TokenReader::begin(const Stretch& stretch) {
  stretch_ = stretch;
  over_ = false;
  is_long_ = false;
  ids_.clear();
  cut_.clear();
  index_.reset();
  documents_.reset();
  const TokenFile& file = *stretch.source->tokens;
  before_ = {stretch.restart.decompressed_bytes, stretch.restart.index_documents, stretch.restart.index_sequences};
  if (stretch.is_single) return;
  if (!file.index_path.empty()) index_.emplace(file, before_);
  documents_.emplace(file, index_ ? &*index_ : nullptr, options_.end_of_text, options_.vocabulary_size, before_);
}

sched::task<void> TokenReader::feed(std::string_view bytes, bool last, Slab& slab) {
  if (over_) co_return;
  if (stretch_.is_single) {
    feed_single(bytes, last, slab);
  } else {
    co_await feed_documents(bytes, last, slab);
  }
}

void TokenReader::fail(const std::string& reason, Slab& slab) {
  if (std::exchange(over_, true)) return;
  RawDocument& skipped = slab.documents.emplace_back(document(before_.token, before_.token));
  skipped.kind = RawDocument::Kind::skipped;
  skipped.reason = reason;
  skipped.ends_unit = true;
}

sched::task<void> TokenReader::feed_documents(std::string_view text, bool last, Slab& slab) {
  std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  for (bool finishing = false;;) {
    TokenDocuments::Stop stop = TokenDocuments::Stop::fed;
    if (finishing) {
      stop = documents_->finish(ids_, ends_);
    } else {
      const TokenDocuments::Fed fed = documents_->feed(bytes, ids_, ends_);
      bytes = bytes.subspan(fed.bytes_taken);
      stop = fed.stop;
    }
    take_ends(slab);
    if (stop == TokenDocuments::Stop::index) {
      co_await read_index();
    } else if (stop == TokenDocuments::Stop::damaged) {
      take_damage(slab);
    } else if (!finishing && last) {
      finishing = true;
    } else {
      break;
    }
  }
  shorten();
  if (!last || index_file_.descriptor() < 0) co_return;
  co_await files_.close(std::move(index_file_));
}

/// Gives the index what it wants of its file.
sched::task<void> TokenReader::read_index() {
  if (index_file_.descriptor() < 0) {
    std::string path = stretch_.source->tokens->index_path;
    index_file_ = co_await files_.open(std::move(path), O_RDONLY, 0);
  }
  const TokenIndex::Stretch wanted = index_->wanted(index_bytes_max);
  index_bytes_.resize(wanted.bytes);
  const Block block{index_bytes_, ~0u};
  const std::size_t got = co_await files_.read(index_file_, wanted.offset_bytes, block, wanted.bytes);
  index_->add(std::span(index_bytes_).first(got));
}

/// Hands on the documents that have ended; what is left of `ids_` belongs to the one under way.
void TokenReader::take_ends(Slab& slab) {
  std::size_t begin = 0;
  for (const TokenDocument& ended : ends_) {
    const bool is_wanted = ended.begin_token >= stretch_.wanted_bytes;
    const std::size_t ids_begin = std::exchange(begin, ended.ids_end);
    const bool was_long = std::exchange(is_long_, false);
    if (!is_wanted) continue;
    RawDocument& found = slab.documents.emplace_back(document(ended.begin_token, ended.end_token));
    if (was_long) {
      found.kind = RawDocument::Kind::lengthy;
    } else {
      found.ids_begin = slab.ids.size();
      slab.ids.insert(slab.ids.end(), ids_.begin() + static_cast<std::ptrdiff_t>(ids_begin),
                      ids_.begin() + static_cast<std::ptrdiff_t>(ended.ids_end));
      found.ids_end = slab.ids.size();
    }
  }
  ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(begin));
  if (!ends_.empty()) before_ = documents_->position();
  ends_.clear();
}

void TokenReader::take_damage(Slab& slab) {
  const TokenDamage& damage = documents_->damage();
  ids_.clear();
  is_long_ = false;
  if (damage.begin_token < stretch_.wanted_bytes) return;
  RawDocument& skipped = slab.documents.emplace_back(document(damage.begin_token, damage.token));
  skipped.kind = RawDocument::Kind::skipped;
  skipped.reason = damage.reason;
}

/// Lets go of the ids of a document that has become too long.
void TokenReader::shorten() {
  if (ids_.size() * sizeof(TokenId) <= options_.held_bytes_max) return;
  ids_.clear();
  is_long_ = true;
}

/// A document whose place is known: its ids, less one end-of-text token at its end.
void TokenReader::feed_single(std::string_view text, bool last, Slab& slab) {
  const TokenFile& file = *stretch_.source->tokens;
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  cut_.insert(cut_.end(), bytes.begin(), bytes.end());
  const std::size_t whole_bytes = cut_.size() / file.token_bytes * file.token_bytes;
  append_ids(file, std::span(cut_).first(whole_bytes), ids_);
  cut_.erase(cut_.begin(), cut_.begin() + static_cast<std::ptrdiff_t>(whole_bytes));
  const bool ends = last && !ids_.empty() && ids_.back() == options_.end_of_text;
  if (const auto bad = first_bad_id(ids_, options_.vocabulary_size)) {
    fail("a token id that the tokenizer does not have", slab);
    return;
  }
  if (ends) ids_.pop_back();
  if (!last) {
    shorten();
    return;
  }
  const std::uint64_t tokens_count = (stretch_.end_bytes - stretch_.begin_bytes) / file.token_bytes;
  RawDocument& found =
      slab.documents.emplace_back(document(stretch_.wanted_bytes, stretch_.wanted_bytes + tokens_count));
  if (is_long_) {
    found.kind = RawDocument::Kind::lengthy;
    return;
  }
  found.ids_begin = slab.ids.size();
  slab.ids.insert(slab.ids.end(), ids_.begin(), ids_.end());
  found.ids_end = slab.ids.size();
}

RawDocument TokenReader::document(std::uint64_t begin_token, std::uint64_t end_token) const {
  RawDocument document;
  document.source = stretch_.source;
  document.unit = stretch_.unit;
  document.begin_bytes = begin_token;
  document.end_bytes = end_token;
  document.restart.decompressed_bytes = before_.token;
  document.restart.index_documents = before_.document;
  document.restart.index_sequences = before_.sequence;
  return document;
}

}  // namespace io
