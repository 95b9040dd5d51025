#include "io/corpus.hpp"

#include <sys/stat.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "io/corpus_walk.hpp"
#include "io/glob.hpp"
#include "io/path_list.hpp"
#include "io/path_text.hpp"

namespace io {
namespace {

/// `from`: what a refusal begins with; the list and the line, where the path comes from a list.
void add_path(CorpusWalk& walk, const std::string& path, const std::string& from) {
  const std::string shown = from + path_text(path);
  if (path.find('\0') != path.npos) throw CorpusError(shown + ": a path has no zero byte in it");
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      walk.add_folder(path);
    } else if (S_ISREG(status.st_mode)) {
      walk.add_file(path, status);
    } else {
      throw CorpusError(shown + ": neither a folder nor a regular file; give a folder or a file of text");
    }
    return;
  }
  const int error_number = errno;
  const bool absent = error_number == ENOENT || error_number == ENOTDIR;
  if (!absent || !is_pattern(path))
    throw CorpusError(shown + ": " + std::strerror(error_number) + "; give a folder or a file of text");
  Glob glob = expand_pattern(path);
  if (glob.matches.empty() && glob.skips.empty())
    throw CorpusError(shown + ": nothing has that name, and nothing matches it as a pattern");
  walk.add_matches(std::move(glob));
}

void add_list(CorpusWalk& walk, const std::string& list) {
  for (const ListedPath& entry : read_path_list(list)) {
    const std::string from = path_text(list) + ":" + std::to_string(entry.line) + ": ";
    if (entry.path.starts_with('@'))
      throw CorpusError(from + path_text(entry.path) + ": a list names no other list; write ./@... for a file's name");
    add_path(walk, entry.path, from);
  }
}

}  // namespace

Corpus find_corpus(const std::vector<std::string>& paths) {
  CorpusWalk walk;
  for (const std::string& path : paths) {
    if (path.starts_with('@')) {
      add_list(walk, path.substr(1));
    } else {
      add_path(walk, path, "");
    }
  }
  return walk.finish();
}

LeftOut& LeftOut::operator+=(const LeftOut& more) noexcept {
  hidden_count += more.hidden_count;
  special_count += more.special_count;
  repeated_count += more.repeated_count;
  companions_count += more.companions_count;
  return *this;
}

double origin_fraction(const std::string& origin) noexcept {
  return record_fraction(origin, 0);
}

double record_fraction(const std::string& origin, std::uint64_t offset_bytes) noexcept {
  // With seed 0 this is XXH3_64bits.
  const XXH64_hash_t hash = XXH3_64bits_withSeed(origin.data(), origin.size(), offset_bytes);
  return static_cast<double>(hash >> 11) * 0x1p-53;
}

}  // namespace io
