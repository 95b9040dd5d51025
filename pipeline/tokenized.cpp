#include "pipeline/tokenized.hpp"

#include <string_view>
#include <utility>

#include "io/utf8.hpp"
#include "sched/trace.hpp"

namespace pipeline {
namespace {

using Kind = io::RawDocument::Kind;

void skip(io::RawDocument& document, std::string reason, std::uint64_t offset_bytes) {
  document.kind = Kind::skipped;
  document.reason = std::move(reason);
  document.begin_bytes += offset_bytes;
}

}  // namespace

SlabTokenizer::SlabTokenizer(const io::Tokenizer& tokenizer, const io::TextKey& text_key, const Selection& selection)
    : tokenizer_(tokenizer), selection_(selection), encoder_(tokenizer.encoder()), records_(text_key) {}

TokenChunk SlabTokenizer::tokenize(const io::Slab& slab) {
  const sched::TraceSpan span("tokenize");
  TokenChunk chunk;
  chunk.items.reserve(slab.documents.size());
  for (const io::RawDocument& document : slab.documents) {
    const bool is_record = document.source != nullptr && !document.ends_unit;
    if (!is_record || selection_.takes_record(*document.source, document.begin_bytes)) add(document, slab, chunk);
  }
  return chunk;
}

void SlabTokenizer::add(const io::RawDocument& document, const io::Slab& slab, TokenChunk& chunk) {
  TokenItem& item = chunk.items.emplace_back();
  item.document = document;
  item.document.bytes = {};
  if (document.kind == Kind::whole && document.source->format == io::Format::tokens) {
    const auto ids = std::span(slab.ids).subspan(document.ids_begin, document.ids_end - document.ids_begin);
    chunk.ids.insert(chunk.ids.end(), ids.begin(), ids.end());
    for (const io::TokenId id : ids) item.text_bytes += tokenizer_.bytes_of(id).size();
  } else if (document.kind == Kind::whole) {
    std::string_view text = document.bytes;
    if (document.source->format == io::Format::json_lines) {
      const io::JsonRecordReader::Record record = records_.read(text);
      text = record.text;
      if (record.damage != nullptr) skip(item.document, record.damage, 0);
    } else if (const auto invalid = io::first_invalid_utf8(text)) {
      skip(item.document, "invalid UTF-8", *invalid);
    }
    if (item.document.kind == Kind::whole) {
      encoder_->encode(text, chunk.ids);
      encoder_->finish(chunk.ids);
      item.text_bytes = text.size();
    }
  }
  item.ids_end = chunk.ids.size();
}

}  // namespace pipeline
