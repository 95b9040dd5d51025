#pragma once

// index.json: what a folder of token shards holds, and how far whoever writes it has come. Read by blocking calls,
// before a run begins; written by TokenShardWriter. docs/formats.md has every key.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/tokenizer.hpp"

namespace io {

/// What tokens are made of; the same in all shards of a folder.
struct TokenVocabulary {
  std::string tokenizer;                 ///< in one line for people
  std::uint64_t tokenizer_checksum = 0;  ///< xxHash3-64 of its tokenizer.json
  std::uint64_t size = 0;                ///< every id is below it
  TokenId end_of_text = 0;

  /// Of a token in a file.
  unsigned token_bytes() const noexcept { return size <= 65536 ? 2 : 4; }
  bool operator==(const TokenVocabulary&) const = default;
};

/// The vocabulary of a tokenizer.
TokenVocabulary vocabulary_of(const Tokenizer& tokenizer);

struct ShardCounts {
  std::uint64_t documents = 0;
  std::uint64_t tokens = 0;  ///< end-of-text tokens included
  std::uint64_t text_bytes = 0;

  ShardCounts& operator+=(const ShardCounts& other) noexcept;
  bool operator==(const ShardCounts&) const = default;
};

struct Shard {
  std::string name;  ///< "shard-00000": of its .bin and its .idx
  ShardCounts counts;
  std::uint64_t tokens_checksum = 0;   ///< xxHash3-64 of the .bin
  std::uint64_t entries_checksum = 0;  ///< xxHash3-64 of the entries of the .idx

  bool operator==(const Shard&) const = default;
};

struct ShardFolder {
  static constexpr std::uint64_t version = 1;

  bool complete = false;  ///< there will be no further shard
  TokenVocabulary vocabulary;
  std::vector<Shard> shards;
  std::string position;  ///< where the writer goes on; means something to it alone
  std::string settings;  ///< under which the shards are made; likewise

  ShardCounts totals() const noexcept;
  bool operator==(const ShardFolder&) const = default;
};

/// "shard-00012".
std::string shard_name(std::size_t index);

/// Requires valid UTF-8 in all strings.
std::string shard_folder_json(const ShardFolder& folder);

/// Whether the folder at `path` holds an index.json of this format, sound or not, of whatever version.
bool is_shard_folder(const std::string& path);

/// What the index.json in `path` says. The shards themselves are not looked at.
///   Throws CorpusError where there is none, where it is damaged, and where its version is newer than we know;
///   FileError where it cannot be read.
ShardFolder read_shard_folder(const std::string& path);

/// Reads a shard from end to end, by blocking calls, and compares it with what index.json says.
///   Throws CorpusError where it differs, FileError where it cannot be read.
void verify_shard(const std::string& folder_path, const ShardFolder& folder, const Shard& shard);

}  // namespace io
