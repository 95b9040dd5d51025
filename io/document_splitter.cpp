#include "io/document_splitter.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <span>
#include <utility>

#include "io/read_ahead.hpp"

namespace io {
namespace {

constexpr std::size_t binary_probe_bytes = 8192;  // as git does: a NUL byte near the beginning is not text
constexpr std::string_view white_space = " \t\r\n";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool looks_binary(std::string_view beginning) noexcept {
  return std::memchr(beginning.data(), 0, std::min(beginning.size(), binary_probe_bytes)) != nullptr;
}

/// A name that promises plain text, and bytes that are something else.
const char* mismatch(std::string_view beginning) noexcept {
  switch (compression_of(std::as_bytes(std::span(beginning)))) {
    case Compression::gzip:
      return "gzip data in a file whose name does not end in .gz; rename it";
    case Compression::zstd:
      return "zstd data in a file whose name does not end in .zst; rename it";
    case Compression::none:
      break;
  }
  return looks_binary(beginning) ? binary_reason : nullptr;
}

bool is_blank(std::string_view line) noexcept {
  return line.find_first_not_of(white_space) == line.npos;
}

}  // namespace

DocumentSplitter::DocumentSplitter(DocumentOptions options) : options_(std::move(options)) {}

void DocumentSplitter::begin(const Stretch& stretch) {
  stretch_ = stretch;
  at_bytes_ = stretch.content_bytes;
  under_way_ = false;
  over_ = false;
  held_.clear();
  text_.reset();
  line_.reset();
}

void DocumentSplitter::feed(std::string_view bytes, bool last, const RestartPoint& restart, Slab& slab) {
  if (over_) return;
  fed_restart_ = restart;
  if (!under_way_) restart_ = restart;
  if (at_bytes_ == 0 && stretch_.source->format == Format::text && !bytes.empty()) {
    if (const char* const reason = mismatch(bytes)) {
      fail(reason, 0, slab);
      return;
    }
  }
  switch (stretch_.source->format) {
    case Format::text:
      feed_text(bytes, last, slab);
      break;
    case Format::json_lines:
      feed_lines(bytes, last, slab);
      break;
    case Format::tokens:
      assert(false && "TokenReader's");
      break;
  }
}

void DocumentSplitter::fail(const std::string& reason, std::uint64_t offset_bytes, Slab& slab) {
  if (std::exchange(over_, true)) return;
  RawDocument document = document_until(offset_bytes);
  document.kind = RawDocument::Kind::skipped;
  document.begin_bytes = offset_bytes;
  document.reason = reason;
  document.ends_unit = true;
  slab.documents.push_back(std::move(document));
}

void DocumentSplitter::feed_text(std::string_view bytes, bool last, Slab& slab) {
  if (!under_way_) begin_bytes_ = at_bytes_;
  at_bytes_ += bytes.size();
  if (last) {
    end_document(bytes, at_bytes_, slab);
  } else {
    hold(bytes);
  }
}

void DocumentSplitter::feed_lines(std::string_view bytes, bool last, Slab& slab) {
  if (at_bytes_ == 0 && bytes.starts_with(byte_order_mark)) {
    bytes.remove_prefix(byte_order_mark.size());
    at_bytes_ += byte_order_mark.size();
  }
  while (!bytes.empty()) {
    if (!under_way_) begin_bytes_ = at_bytes_;
    const void* const newline = std::memchr(bytes.data(), '\n', bytes.size());
    if (newline == nullptr) {
      at_bytes_ += bytes.size();
      if (last) {
        end_document(bytes, at_bytes_, slab);
      } else {
        hold(bytes);
      }
      return;
    }
    const std::size_t length = static_cast<const char*>(newline) - bytes.data();
    end_document(bytes.substr(0, length), at_bytes_ + length, slab);
    at_bytes_ += length + 1;
    bytes.remove_prefix(length + 1);
  }
  if (last && under_way_) end_document({}, at_bytes_, slab);
}

/// Keeps a part of the document under way, or only checks it where it has become too long.
void DocumentSplitter::hold(std::string_view bytes) {
  if (!std::exchange(under_way_, true)) blank_ = true;
  if (!text_ && !line_) {
    held_ += bytes;
    if (held_.size() <= options_.held_bytes_max) return;
    if (stretch_.source->format == Format::text) {
      text_.emplace();
    } else {
      line_.emplace(options_.text_key);
    }
    const std::string held = std::exchange(held_, {});
    check(held);
  } else {
    check(bytes);
  }
}

void DocumentSplitter::check(std::string_view bytes) {
  blank_ = blank_ && is_blank(bytes);
  if (text_) {
    text_->feed(bytes);
  } else {
    line_->feed(bytes, nullptr);
  }
}

/// The document under way ends with `rest`, at `end_bytes` of the stream.
void DocumentSplitter::end_document(std::string_view rest, std::uint64_t end_bytes, Slab& slab) {
  const bool is_line = stretch_.source->format == Format::json_lines;
  RawDocument document = document_until(end_bytes);
  bool counts = true;
  if (!under_way_) {
    document.bytes = rest;
    counts = !is_line || !is_blank(rest);
  } else if (!text_ && !line_) {
    counts = !is_line || !is_blank(rest) || !is_blank(held_);
    if (counts) {
      held_ += rest;
      const std::size_t length = held_.size();
      held_.append(block_padding_bytes, '\0');
      document.bytes = std::string_view(slab.assembled.emplace_back(std::move(held_))).substr(0, length);
    }
  } else {
    check(rest);
    counts = !is_line || !blank_;
    std::uint64_t offset_bytes = begin_bytes_;
    const char* const damage = verdict(offset_bytes);
    document.kind = damage == nullptr ? RawDocument::Kind::lengthy : RawDocument::Kind::skipped;
    if (damage != nullptr) {
      document.reason = damage;
      document.begin_bytes = offset_bytes;
    }
  }
  held_.clear();
  text_.reset();
  line_.reset();
  under_way_ = false;
  restart_ = fed_restart_;
  if (counts && begin_bytes_ >= stretch_.wanted_bytes) slab.documents.push_back(std::move(document));
}

/// Of a document that was only checked: nullptr, or why it is damaged, and where.
const char* DocumentSplitter::verdict(std::uint64_t& offset_bytes) {
  if (line_) return line_->finish();
  if (text_->finish()) return nullptr;
  offset_bytes += text_->error_offset_bytes();
  return "invalid UTF-8";
}

RawDocument DocumentSplitter::document_until(std::uint64_t end_bytes) const {
  RawDocument document;
  document.source = stretch_.source;
  document.unit = stretch_.unit;
  document.begin_bytes = begin_bytes_;
  document.end_bytes = end_bytes;
  document.restart = restart_;
  document.ends_unit = stretch_.source->format == Format::text;
  return document;
}

}  // namespace io
