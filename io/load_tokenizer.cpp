#include <filesystem>
#include <optional>

#include "io/bpe_tokenizer.hpp"
#include "io/byte_tokenizer.hpp"
#include "io/error.hpp"
#include "io/known_ranks.hpp"
#include "io/split_patterns.hpp"
#include "io/tiktoken_file.hpp"
#include "io/tokenizer.hpp"
#include "io/tokenizer_file.hpp"
#include "io/vocabulary_and_merges.hpp"

namespace io {
namespace {

std::shared_ptr<const Tokenizer> from_tiktoken(std::string_view text, const std::string& name,
                                               const std::string& pattern) {
  std::optional<SplitPattern> split;
  if (!pattern.empty()) {
    split = split_pattern_named(pattern);
    if (!split)
      throw TokenizerError("--pattern " + pattern +
                           ": no split pattern has this name; gpt2 (r50k, p50k), cl100k "
                           "(llama3), qwen2 and o200k are there");
  }
  return make_bpe_tokenizer(model_of_ranks(parse_tiktoken(text, name), name, split));
}

std::shared_ptr<const Tokenizer> from_folder(const std::filesystem::path& folder) {
  const auto has = [&](const char* file) {
    std::error_code error;
    return std::filesystem::exists(folder / file, error);
  };
  if (has("tokenizer.json")) return load_tokenizer((folder / "tokenizer.json").string());
  if (has("vocab.json") && has("merges.txt")) return tokenizer_from_vocabulary_and_merges(folder.string());
  throw TokenizerError(folder.string() + ": the folder has neither tokenizer.json nor vocab.json and merges.txt");
}

}  // namespace

std::shared_ptr<const Tokenizer> load_tokenizer(const std::string& name, const std::string& pattern) {
  const std::filesystem::path path = name;
  if (!pattern.empty() && path.extension() != ".tiktoken")
    throw TokenizerError("--pattern " + pattern + ": " + name +
                         " has a split pattern of its own; only a *.tiktoken file takes one");
  if (name == "bytes") return make_byte_tokenizer();
  if (name == "gpt2") return from_tiktoken(embedded_gpt2_ranks(), name, pattern);
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    throw TokenizerError(name +
                         ": no tokenizer has this name (bytes and gpt2 are built in), and there is no such file");
  if (std::filesystem::is_directory(status)) return from_folder(path);
  const std::string file_name = path.filename().string();
  if (file_name == "vocab.json" || file_name == "merges.txt")
    throw TokenizerError(name + ": is half of a tokenizer; name the folder that holds vocab.json and merges.txt");
  const std::string text = read_tokenizer_file(name);
  if (path.extension() == ".tiktoken") return from_tiktoken(text, name, pattern);
  if (path.extension() == ".json") return tokenizer_from_json(text, name);
  throw TokenizerError(name + ": the kind of file is not known; *.json, *.tiktoken and folders are");
}

}  // namespace io
