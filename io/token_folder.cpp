#include "io/token_folder.hpp"

#include "io/corpus.hpp"
#include "io/error.hpp"
#include "io/shard_folder.hpp"

namespace io {

std::optional<TokenFolder> read_token_folder(const std::string& path) {
  TokenFolder found;
  try {
    if (!is_shard_folder(path)) return std::nullopt;
    for (const Shard& shard : read_shard_folder(path).shards) found.shards.push_back(shard.name + ".bin");
  } catch (const CorpusError& error) {
    found.damage = error.what();
  } catch (const FileError& error) {
    found.damage = error.what();
  }
  return found;
}

}  // namespace io
