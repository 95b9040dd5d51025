#include "io/vocabulary_and_merges.hpp"

#include <simdjson.h>

#include <algorithm>
#include <filesystem>

#include "io/bpe_builder.hpp"
#include "io/bpe_tokenizer.hpp"
#include "io/tokenizer_file.hpp"

namespace io {
namespace {

void add_vocabulary(BpeBuilder& builder, const std::string& path) {
  simdjson::dom::parser parser;
  simdjson::dom::object vocabulary;
  const std::string text = read_tokenizer_file(path);
  if (const auto error = parser.parse(text).get(vocabulary))
    builder.refuse(std::string("vocab.json is not a JSON object of tokens and ids: ") + simdjson::error_message(error));
  for (const auto& [token, value] : vocabulary) {
    std::int64_t id = 0;
    if (value.get(id)) builder.refuse("vocab.json: the id of \"" + std::string(token) + "\" is not an integer");
    builder.add_token(token, id);
  }
}

void add_merges(BpeBuilder& builder, const std::string& path) {
  const std::string text = read_tokenizer_file(path);
  std::size_t line_number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (line_number == 1 && line.starts_with("#version"))) continue;
    builder.add_merge(line, "merges.txt, line " + std::to_string(line_number));
  }
}

/// The folder may say that another tokenizer uses these files, with another split.
void check_configuration(const BpeBuilder& builder, const std::string& path) {
  if (!std::filesystem::exists(path)) return;
  simdjson::dom::parser parser;
  simdjson::dom::object configuration;
  const std::string text = read_tokenizer_file(path);
  if (const auto error = parser.parse(text).get(configuration))
    builder.refuse(std::string("tokenizer_config.json is not a JSON object: ") + simdjson::error_message(error));
  std::string_view kind;
  if (!configuration["tokenizer_class"].get(kind) && kind != "GPT2Tokenizer" && kind != "GPT2TokenizerFast")
    builder.refuse("tokenizer_config.json: tokenizer_class " + std::string(kind) +
                   " is not supported without a tokenizer.json");
  bool adds_space = false;
  if (!configuration["add_prefix_space"].get(adds_space) && adds_space)
    builder.refuse("tokenizer_config.json: add_prefix_space is not supported");
}

}  // namespace

std::shared_ptr<const Tokenizer> tokenizer_from_vocabulary_and_merges(const std::string& folder) {
  const std::filesystem::path path = folder;
  BpeBuilder builder(folder);
  check_configuration(builder, (path / "tokenizer_config.json").string());
  add_vocabulary(builder, (path / "vocab.json").string());
  add_merges(builder, (path / "merges.txt").string());
  return make_bpe_tokenizer(builder.build());
}

}  // namespace io
