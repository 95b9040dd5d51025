#pragma once

// Folders that `tokenize` wrote: an index.json that begins with {"format": "icosa-token-shards" says which files are
// shards and in which order.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace io {

inline constexpr const char* token_folder_index_name = "index.json";

/// Whether a file with these first bytes is the index of a token folder. Never fails.
bool begins_token_folder_index(std::string_view bytes) noexcept;

/// What the index of a folder says. Other files of the folder are companions of the shards.
struct TokenFolder {
  std::vector<std::string> shards;  ///< names within the folder, in order
  std::string damage;               ///< why the index cannot be used, or empty
};

/// Reads `path` by blocking calls; nothing where it is not the index of a token folder, or not a file that can be read.
std::optional<TokenFolder> read_token_folder(const std::string& path);

}  // namespace io
