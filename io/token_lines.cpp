#include "io/token_lines.hpp"

#include <simdjson.h>

#include "io/json_string.hpp"
#include "io/utf8.hpp"

namespace io {
namespace {

[[noreturn]] void refuse_json(simdjson::error_code error) {
  if (error == simdjson::EMPTY) throw TokenLineError("the line is empty");
  throw TokenLineError(std::string("not JSON: ") + simdjson::error_message(error));
}

}  // namespace

std::string text_of_line(std::string_view line) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  simdjson::dom::object object;
  if (const auto error = parser.parse(line.data(), line.size()).get(document)) refuse_json(error);
  if (document.get(object)) throw TokenLineError("not an object {\"text\": ...}");
  bool found = false;
  std::string_view text;
  for (const auto& [key, value] : object) {
    if (key != "text") continue;
    if (found) throw TokenLineError("\"text\" stands twice");
    if (value.get(text)) throw TokenLineError("\"text\" is not a string");
    found = true;
  }
  if (!found) throw TokenLineError("there is no \"text\"");
  // simdjson 3.0 lets the second half of a pair pass alone, as three bytes that are not UTF-8.
  if (first_invalid_utf8(text)) throw TokenLineError("\"text\" has half of a surrogate pair");
  return std::string(text);
}

std::vector<TokenId> ids_of_line(std::string_view line, std::size_t vocabulary_size) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  simdjson::dom::array array;
  if (const auto error = parser.parse(line.data(), line.size()).get(document)) refuse_json(error);
  if (document.get(array)) throw TokenLineError("not an array of ids [1,2,3]");
  std::vector<TokenId> ids;
  for (const auto& element : array) {
    std::int64_t id = 0;
    const std::string which = "element " + std::to_string(ids.size() + 1);
    if (element.get(id)) throw TokenLineError(which + " is not a token id");
    if (id < 0 || static_cast<std::uint64_t>(id) >= vocabulary_size)
      throw TokenLineError(which + ": the token id " + std::to_string(id) + " is not one of 0 to " +
                           std::to_string(vocabulary_size - 1));
    ids.push_back(static_cast<TokenId>(id));
  }
  return ids;
}

std::string line_of_ids(std::span<const TokenId> ids) {
  std::string line = "[";
  for (const TokenId id : ids) {
    if (line.size() > 1) line += ',';
    line += std::to_string(id);
  }
  return line + "]";
}

std::string line_of_text(std::string_view bytes) {
  std::string line = "{\"text\": ";
  append_json_string(line, to_valid_utf8(bytes));
  return line + "}";
}

}  // namespace io
