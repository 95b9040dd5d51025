#include "io/token_folder.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/regular_file.hpp"

namespace io {
namespace {

constexpr std::size_t beginning_bytes = 4096;  // any index.json of another kind is read no further
constexpr std::size_t index_bytes_max = 1u << 30;

bool is_plain_name(std::string_view name) {
  return !name.empty() && !name.starts_with('.') && name.find_first_of(std::string_view("/\0", 2)) == name.npos;
}

TokenFolder parse(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::dom::object index;
  if (const auto error = parser.parse(text).get(index))
    return {{}, std::string("the index is not a JSON object: ") + simdjson::error_message(error)};
  simdjson::dom::array shards;
  if (index["shards"].get(shards)) return {{}, "the index has no \"shards\""};
  TokenFolder folder;
  for (const simdjson::dom::element shard : shards) {
    std::string_view name;
    if (shard["file"].get(name)) return {{}, "the index has a shard without a \"file\""};
    if (!is_plain_name(name)) return {{}, "the index has a shard that is not a name in its folder"};
    folder.shards.emplace_back(name);
  }
  return folder;
}

}  // namespace

bool begins_token_folder_index(std::string_view bytes) noexcept {
  for (const std::string_view token : {"{", "\"format\"", ":", "\"icosa-token-shards\""}) {
    bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
    if (!bytes.starts_with(token)) return false;
    bytes.remove_prefix(token.size());
  }
  return true;
}

std::optional<TokenFolder> read_token_folder(const std::string& path) {
  std::optional<std::string> text = read_regular_file(path, beginning_bytes);
  if (!text || !begins_token_folder_index(*text)) return std::nullopt;
  text = read_regular_file(path, index_bytes_max + 1);
  if (!text) return TokenFolder{{}, std::string("the index cannot be read: ") + std::strerror(errno)};
  if (text->size() > index_bytes_max) return TokenFolder{{}, "the index is larger than 1 GiB"};
  return parse(*text);
}

}  // namespace io
