#include "io/long_document.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <utility>

#include "io/error.hpp"
#include "io/token_file.hpp"

namespace io {
namespace {

constexpr std::size_t piece_bytes = 256 << 10;
constexpr std::size_t page_bytes = 4096;

std::byte* allocate_pages() {
  void* const memory = std::aligned_alloc(page_bytes, piece_bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<std::byte*>(memory);
}

}  // namespace

void LongDocument::FreeMemory::operator()(std::byte* memory) const noexcept {
  std::free(memory);
}

LongDocument::LongDocument(Files& files, const RawDocument& document, const TextKey& text_key)
    : files_(files), document_(document), memory_(allocate_pages()) {
  const Compression compression = document.source->compression;
  read_bytes_ = content_bytes_ = document.begin_bytes;
  if (compression != Compression::none) {
    read_bytes_ = document.restart.compressed_bytes;
    content_bytes_ = document.restart.decompressed_bytes;
    inflater_ = make_inflater(compression, document.restart);
    inflated_ = std::make_unique_for_overwrite<std::byte[]>(piece_bytes);
  }
  if (document.source->format == Format::json_lines) line_.emplace(text_key);
  if (!document.source->tokens) return;
  const TokenFile& tokens = *document.source->tokens;
  document_.begin_bytes = tokens.first_token_offset_bytes + document.begin_bytes * tokens.token_bytes;
  document_.end_bytes = tokens.first_token_offset_bytes + document.end_bytes * tokens.token_bytes;
  read_bytes_ = content_bytes_ = document_.begin_bytes;
}

LongDocument::~LongDocument() = default;

void LongDocument::skip(std::uint64_t bytes) {
  if (inflater_ || line_) {
    skipped_bytes_ = bytes;
  } else {
    read_bytes_ = content_bytes_ = std::min(document_.begin_bytes + bytes, document_.end_bytes);
  }
}

sched::task<bool> LongDocument::next(std::string& text) {
  text.clear();
  const int flags = O_RDONLY | O_NONBLOCK;
  if (file_.descriptor() < 0) file_ = co_await files_.open(document_.source->path, flags, 0);
  while (text.empty() && content_bytes_ < document_.end_bytes) {
    if (inflater_ && !compressed_.empty()) {
      inflate_into(text);
      continue;
    }
    const std::size_t got = co_await read();
    if (got == 0) throw FileError(document_.source->path, read_bytes_, EIO, "read again, for it became shorter,");
    const std::span<const std::byte> bytes(memory_.get(), got);
    if (inflater_) {
      compressed_ = bytes;
    } else {
      take({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, text);
    }
  }
  if (!text.empty()) co_return true;
  co_await files_.close(std::move(file_));
  co_return false;
}

sched::task<std::size_t> LongDocument::read() {
  const Block block{{memory_.get(), piece_bytes}, ~0u};
  std::size_t wanted = piece_bytes;
  if (!inflater_) {
    // Pieces end at the same places wherever reading began.
    wanted -= (content_bytes_ - document_.begin_bytes) % piece_bytes;
    wanted = std::min<std::uint64_t>(wanted, document_.end_bytes - content_bytes_);
  }
  std::size_t got = co_await files_.read(file_, read_bytes_, block, wanted);
  if (document_.source->tokens) got -= got % document_.source->tokens->token_bytes;
  read_bytes_ += got;
  co_return got;
}

void LongDocument::inflate_into(std::string& text) {
  const Inflater::Step step = inflater_->inflate(compressed_, {inflated_.get(), piece_bytes});
  compressed_ = compressed_.subspan(step.consumed_bytes);
  if (step.consumed_bytes == 0 && step.produced_bytes == 0) compressed_ = {};
  take({reinterpret_cast<const char*>(inflated_.get()), step.produced_bytes}, text);
}

/// Adds what of these bytes of the decompressed stream is text of the document.
void LongDocument::take(std::string_view bytes, std::string& text) {
  const std::uint64_t begin = std::max(content_bytes_, document_.begin_bytes);
  const std::uint64_t end = std::min(content_bytes_ + bytes.size(), document_.end_bytes);
  const std::uint64_t offset = std::exchange(content_bytes_, content_bytes_ + bytes.size());
  if (begin >= end) return;
  bytes = bytes.substr(begin - offset, end - begin);
  if (line_) {
    line_->feed(bytes, &text);
  } else {
    text += bytes;
  }
  const std::size_t left_out = std::min<std::uint64_t>(skipped_bytes_, text.size());
  text.erase(0, left_out);
  skipped_bytes_ -= left_out;
}

}  // namespace io
