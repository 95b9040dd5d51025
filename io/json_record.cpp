#include "io/json_record.hpp"

#include <simdjson.h>

#include <cstring>
#include <utility>

namespace io {
namespace {

/// Whether a half of a surrogate pair is escaped in the line. simdjson 3.0 lets a second half pass alone.
bool has_surrogates(std::string_view line) noexcept {
  const char* at = line.data();
  const char* const end = at + line.size();
  while (end - at >= 3 && (at = static_cast<const char*>(std::memchr(at, '\\', end - at - 2))) != nullptr) {
    if (at[1] == 'u' && (at[2] | 0x20) == 'd') return true;
    at += 2;
  }
  return false;
}

}  // namespace

static_assert(JsonRecordReader::padding_bytes >= simdjson::SIMDJSON_PADDING);

JsonRecordReader::JsonRecordReader(TextKey key)
    : key_(std::move(key)), parser_(std::make_unique<simdjson::dom::parser>(simdjson_bytes_max)), stream_(key_) {}
JsonRecordReader::~JsonRecordReader() = default;
JsonRecordReader::JsonRecordReader(JsonRecordReader&&) noexcept = default;
JsonRecordReader& JsonRecordReader::operator=(JsonRecordReader&&) noexcept = default;

JsonRecordReader::Record JsonRecordReader::read(std::string_view line) {
  std::string_view text;
  if (read_fast(line, text)) return {text, nullptr, 0};
  // simdjson refuses some good lines too, such as those with numbers of many digits. JsonStream decides.
  text_.clear();
  stream_.feed(line, &text_);
  if (const char* damage = stream_.finish()) return {{}, damage, stream_.damage_offset_bytes()};
  return {text_, nullptr, 0};
}

/// True only where the line is a document.
bool JsonRecordReader::read_fast(std::string_view line, std::string_view& text) {
  if (line.size() > simdjson_bytes_max || has_surrogates(line)) return false;
  // The DOM parser looks at every byte, as on-demand parsing does not.
  simdjson::dom::element value;
  if (parser_->parse(line.data(), line.size(), false).get(value)) return false;
  for (const std::string& part : key_.parts()) {
    simdjson::dom::object object;
    if (value.get(object) || object.at_key(part).get(value)) return false;
  }
  return !value.get(text);
}

std::string_view without_byte_order_mark(std::string_view file_begin) noexcept {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  return file_begin.starts_with(mark) ? file_begin.substr(mark.size()) : file_begin;
}

}  // namespace io
