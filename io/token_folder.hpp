#pragma once

// Folders of token shards among the folders of a corpus: their index.json says which files are shards and in which
// order (io/shard_folder.hpp); the rest of their files belong to the shards.

#include <optional>
#include <string>
#include <vector>

namespace io {

inline constexpr const char* token_folder_index_name = "index.json";

/// What the index of a folder says. Other files of the folder are companions of the shards.
struct TokenFolder {
  std::vector<std::string> shards;  ///< names within the folder, in order
  std::string damage;               ///< why the index cannot be used, or empty
};

/// Reads the index of the folder at `path` by blocking calls; nothing where it holds no token shards.
std::optional<TokenFolder> read_token_folder(const std::string& path);

}  // namespace io
