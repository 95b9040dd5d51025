#include "io/shard_folder.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <new>
#include <string_view>

#include "io/corpus.hpp"
#include "io/json_string.hpp"
#include "io/readable_file.hpp"
#include "io/shard_index.hpp"

namespace io {
namespace {

constexpr std::string_view format_name = "icosa token shards";
// The last key. Its checksum stands for everything that comes before this text.
constexpr std::string_view checksum_begin = "  \"checksum\": \"";
constexpr std::size_t beginning_bytes = 256;  // within which the format's name stands

std::string hex(std::uint64_t number) {
  return fmt::format("{:016x}", number);
}

std::string json_string(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

std::string counts_json(const ShardCounts& counts) {
  return fmt::format("\"documents\": {}, \"tokens\": {}, \"text_bytes\": {}", counts.documents, counts.tokens,
                     counts.text_bytes);
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string index_path(const std::string& path) {
  return path + (path.ends_with('/') ? "" : "/") + "index.json";
}

/// Takes an index.json apart. What is missing or of another kind is damage: we wrote it ourselves.
class Reader {
 public:
  Reader(const std::string& path, const std::string& text) : path_(path), text_(text) {}

  ShardFolder read() {
    simdjson::dom::element document;
    if (parser_.parse(text_).get(document) || document.get(root_)) refuse("not a JSON object");
    std::string_view format;
    if (root_["format"].get(format) || format != format_name)
      throw CorpusError(path_ + ": not the index of a folder of token shards");
    const std::uint64_t version = number(root_, "version");
    if (version > ShardFolder::version)
      throw CorpusError(fmt::format("{}: version {} of token shards; this icosa knows {}; use a newer icosa", path_,
                                    version, ShardFolder::version));
    check_sum();
    ShardFolder folder;
    if (root_["complete"].get(folder.complete)) refuse("\"complete\" is missing");
    read_vocabulary(folder.vocabulary);
    read_shards(folder.shards);
    if (counts(object_at("totals")) != folder.totals()) refuse("the totals are not the sums of the shards");
    folder.position = string(root_, "position");
    folder.settings = string(root_, "settings");
    return folder;
  }

 private:
  using object = simdjson::dom::object;

  [[noreturn]] void refuse(const std::string& reason) const {
    throw CorpusError(path_ + ": damaged: " + reason + "; tokenize into a new folder");
  }

  object object_at(const char* key) const {
    object found;
    if (root_[key].get(found)) refuse(std::string("\"") + key + "\" is missing");
    return found;
  }

  std::uint64_t number(object from, const char* key) const {
    std::uint64_t found = 0;
    if (from[key].get(found)) refuse(std::string("\"") + key + "\" is not a number");
    return found;
  }

  std::string string(object from, const char* key) const {
    std::string_view found;
    if (from[key].get(found)) refuse(std::string("\"") + key + "\" is not a string");
    return std::string(found);
  }

  std::uint64_t checksum(object from, const char* key) const {
    const std::string digits = string(from, key);
    std::uint64_t found = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), found, 16);
    if (error != std::errc() || digits != hex(found)) refuse(std::string("\"") + key + "\" is not 16 hex digits");
    return found;
  }

  void check_sum() const {
    const std::size_t end = text_.rfind(checksum_begin);
    if (end == text_.npos || checksum(root_, "checksum") != XXH3_64bits(text_.data(), end))
      refuse("the checksum is wrong");
  }

  ShardCounts counts(object from) const {
    return {number(from, "documents"), number(from, "tokens"), number(from, "text_bytes")};
  }

  void read_vocabulary(TokenVocabulary& vocabulary) const {
    const object from = object_at("vocabulary");
    vocabulary.tokenizer = string(from, "tokenizer");
    vocabulary.tokenizer_checksum = checksum(from, "tokenizer_checksum");
    vocabulary.size = number(from, "size");
    const std::uint64_t end = number(from, "end_of_text");
    if (vocabulary.size > 0x8000'0000u || end >= vocabulary.size)
      refuse(fmt::format("the end-of-text token {} of {} ids", end, vocabulary.size));
    vocabulary.end_of_text = static_cast<TokenId>(end);
    if (string(from, "token_type") != fmt::format("uint{}", 8 * vocabulary.token_bytes()))
      refuse("the type of tokens is not the one for their vocabulary");
  }

  void read_shards(std::vector<Shard>& shards) const {
    simdjson::dom::array list;
    if (root_["shards"].get(list)) refuse("\"shards\" is missing");
    for (const auto entry : list) {
      object from;
      if (entry.get(from)) refuse("a shard is not an object");
      Shard shard{string(from, "name"), counts(from), checksum(from, "tokens_checksum"),
                  checksum(from, "entries_checksum")};
      if (shard.name != shard_name(shards.size())) refuse("the shards are not numbered from 0 on");
      shards.push_back(std::move(shard));
    }
  }

  const std::string& path_;
  const std::string& text_;
  simdjson::dom::parser parser_;
  object root_;
};

/// xxHash3-64 of what follows `from_bytes` in a file.
std::uint64_t checksum_of(const ReadableFile& file, std::uint64_t from_bytes) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), &XXH3_freeState);
  if (state == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(state.get());
  std::vector<std::byte> block(1 << 20);
  for (std::uint64_t at = from_bytes;;) {
    const std::size_t got = file.read(at, block);
    XXH3_64bits_update(state.get(), block.data(), got);
    if (got < block.size()) return XXH3_64bits_digest(state.get());
    at += got;
  }
}

}  // namespace

TokenVocabulary vocabulary_of(const Tokenizer& tokenizer) {
  const std::string json = tokenizer.to_json();
  return {tokenizer.description(), XXH3_64bits(json.data(), json.size()), tokenizer.vocabulary_size(),
          tokenizer.end_of_text()};
}

ShardCounts& ShardCounts::operator+=(const ShardCounts& other) noexcept {
  documents += other.documents;
  tokens += other.tokens;
  text_bytes += other.text_bytes;
  return *this;
}

ShardCounts ShardFolder::totals() const noexcept {
  ShardCounts totals;
  for (const Shard& shard : shards) totals += shard.counts;
  return totals;
}

std::string shard_name(std::size_t index) {
  return fmt::format("shard-{:05}", index);
}

std::string shard_folder_json(const ShardFolder& folder) {
  const TokenVocabulary& vocabulary = folder.vocabulary;
  std::string json = fmt::format("{{\n  \"format\": \"{}\",\n  \"version\": {},\n  \"complete\": {},\n", format_name,
                                 ShardFolder::version, folder.complete);
  json += fmt::format(
      "  \"vocabulary\": {{\"tokenizer\": {}, \"tokenizer_checksum\": \"{}\", \"size\": {}, \"end_of_text\": {}, "
      "\"token_type\": \"uint{}\"}},\n",
      json_string(vocabulary.tokenizer), hex(vocabulary.tokenizer_checksum), vocabulary.size, vocabulary.end_of_text,
      8 * vocabulary.token_bytes());
  json += fmt::format("  \"totals\": {{{}}},\n  \"shards\": [", counts_json(folder.totals()));
  for (const Shard& shard : folder.shards) {
    json += &shard == folder.shards.data() ? "\n" : ",\n";
    json += fmt::format("    {{\"name\": \"{}\", {}, \"tokens_checksum\": \"{}\", \"entries_checksum\": \"{}\"}}",
                        shard.name, counts_json(shard.counts), hex(shard.tokens_checksum), hex(shard.entries_checksum));
  }
  json += folder.shards.empty() ? "],\n" : "\n  ],\n";
  json += "  \"settings\": " + json_string(folder.settings) + ",\n";
  json += "  \"position\": " + json_string(folder.position) + ",\n";
  const std::string checksum = hex(XXH3_64bits(json.data(), json.size()));
  return json + std::string(checksum_begin) + checksum + "\"\n}\n";
}

bool is_shard_folder(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(index_path(path), ignored)) return false;
  const std::string beginning = text_of(ReadableFile(index_path(path)).read(0, beginning_bytes));
  return beginning.find('"' + std::string(format_name) + '"') != beginning.npos;
}

ShardFolder read_shard_folder(const std::string& path) {
  const std::string file_path = index_path(path);
  std::error_code ignored;
  if (!std::filesystem::exists(file_path, ignored))
    throw CorpusError(path + ": no folder of token shards: it has no index.json");
  const ReadableFile file(file_path);
  const std::string text = text_of(file.read(0, file.size_bytes()));
  return Reader(file_path, text).read();
}

void verify_shard(const std::string& folder_path, const ShardFolder& folder, const Shard& shard) {
  const std::string path = folder_path + (folder_path.ends_with('/') ? "" : "/") + shard.name;
  const auto refuse = [](const std::string& file, const std::string& reason) {
    throw CorpusError(file + ": damaged: " + reason + "; tokenize again");
  };
  const ReadableFile tokens(path + ".bin");
  if (tokens.size_bytes() != shard.counts.tokens * folder.vocabulary.token_bytes())
    refuse(tokens.path(), fmt::format("{} bytes, where index.json has {} tokens of {} bytes", tokens.size_bytes(),
                                      shard.counts.tokens, folder.vocabulary.token_bytes()));
  if (checksum_of(tokens, 0) != shard.tokens_checksum) refuse(tokens.path(), "the checksum is wrong");
  const ReadableFile index(path + ".idx");
  const std::vector<std::byte> beginning = index.read(0, ShardIndexHeader::size_bytes);
  const ShardIndexHeader header = ShardIndexHeader::from_bytes(beginning, index.path());
  const ShardCounts counts{header.documents_count, header.tokens_count, header.text_bytes};
  if (counts != shard.counts || header.token_bytes != folder.vocabulary.token_bytes() ||
      header.vocabulary_size != folder.vocabulary.size || header.tokens_checksum != shard.tokens_checksum ||
      header.entries_checksum != shard.entries_checksum)
    refuse(index.path(), "it is the index of another shard than index.json has");
  if (checksum_of(index, ShardIndexHeader::size_bytes) != shard.entries_checksum)
    refuse(index.path(), "the checksum is wrong");
}

}  // namespace io
