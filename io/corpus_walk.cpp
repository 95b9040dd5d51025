#include "io/corpus_walk.hpp"

#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "io/token_folder.hpp"

namespace io {
namespace {

constexpr std::string_view token_ending = ".bin";
constexpr std::string_view token_index_ending = ".idx";

/// The path without links and with '/' at its end, or "" where that cannot be said.
std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  if (!real) return "";
  std::string text(real.get());
  return text.ends_with('/') ? text : text + "/";
}

std::string_view file_name(std::string_view path) noexcept {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

/// "part" for "part.bin" and the ending ".bin"; else "".
std::string_view stem(std::string_view name, std::string_view ending) noexcept {
  return has_ending(name, ending) ? name.substr(0, name.size() - ending.size()) : std::string_view();
}

bool is_regular(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// Whether a file given by its own name belongs to another one.
bool is_companion(const std::string& path) {
  const std::string_view name = file_name(path);
  const std::string folder = path.substr(0, path.size() - name.size());
  const std::string tokens(stem(name, token_index_ending));
  if (!tokens.empty()) return is_regular(folder + tokens + ".bin") || is_regular(folder + tokens + ".BIN");
  if (name != token_folder_index_name && name != "skipped.jsonl") return false;
  const std::string index = folder + token_folder_index_name;
  return is_regular(index) && read_token_folder(folder).has_value();
}

}  // namespace

std::size_t CorpusWalk::FileIdHash::operator()(const FileId& id) const noexcept {
  return static_cast<std::size_t>((id.inode + id.device * 0x9E3779B97F4A7C15u) * 0xBF58476D1CE4E5B9u);
}

void CorpusWalk::add_folder(const std::string& path) {
  root_ = path;
  real_root_.clear();
  enter(path.ends_with('/') ? path : path + "/", "");
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.next == level.entries.size()) {
      levels_.pop_back();
      continue;
    }
    const Entry& entry = level.entries[level.next++];
    std::string entry_path = level.path + entry.name;
    std::string origin = level.origin + entry.name;
    if (entry.is_folder) {
      enter(std::move(entry_path), std::move(origin));  // `level` and `entry` are gone then
    } else {
      add_source(std::move(entry_path), std::move(origin), entry);
    }
  }
}

void CorpusWalk::add_file(const std::string& path, const struct stat& status) {
  if (is_companion(path)) {
    ++corpus_.left_out.companions_count;
    return;
  }
  add_source(path, std::string(file_name(path)),
             {"", false, status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size)});
}

void CorpusWalk::add_matches(Glob glob) {
  for (Skip& skipped : glob.skips) corpus_.skips.push_back(std::move(skipped));
  for (const Glob::Match& match : glob.matches) {
    struct stat status {};
    if (match.kind == EntryKind::folder) {
      add_folder(match.path);
    } else if (match.kind == EntryKind::special) {
      ++corpus_.left_out.special_count;
    } else if (::stat(match.path.c_str(), &status) == 0) {
      // A link to a folder is not followed: the pattern may have come by the folder itself.
      if (S_ISREG(status.st_mode)) {
        add_file(match.path, status);
      } else {
        ++corpus_.left_out.special_count;
      }
    } else if (match.kind == EntryKind::link) {
      ++corpus_.left_out.special_count;
    } else {
      skip(match.path, "cannot be looked at", errno);
    }
  }
}

Corpus CorpusWalk::finish() {
  return std::move(corpus_);
}

/// Reads a folder and leaves it on top of the levels, its files and folders in the order of their origins.
void CorpusWalk::enter(std::string path, std::string origin) {
  Level level;
  level.path = std::move(path);
  level.origin = std::move(origin);
  Folder folder(level.path);
  if (folder.error_number() != 0) {
    skip(level.path, "the folder cannot be read", folder.error_number());
    return;
  }
  while (const dirent* const entry = folder.next()) read_entry(folder, *entry, level);
  if (folder.error_number() != 0) skip(level.path, "the folder cannot be read to its end", folder.error_number());
  std::sort(level.entries.begin(), level.entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  if (!take_shards(level)) drop_companions(level);
  levels_.push_back(std::move(level));
}

void CorpusWalk::read_entry(const Folder& folder, const dirent& entry, Level& level) {
  const char* const name = entry.d_name;
  if (name[0] == '.') {
    ++corpus_.left_out.hidden_count;
    return;
  }
  EntryKind kind = folder.kind_of(entry);
  struct stat status {};
  bool found = true;
  if (kind == EntryKind::file) {
    found = folder.look_at(name, false, status);
    if (found) kind = kind_of_mode(status.st_mode);  // it may have been replaced since
  }
  if (kind == EntryKind::link && find_linked(folder, level.path, name, status)) kind = EntryKind::file;
  if (!found || kind == EntryKind::unknown) {
    skip(level.path + name, "cannot be looked at", errno);
  } else if (kind == EntryKind::folder) {
    level.entries.push_back({std::string(name) + '/', true});
  } else if (kind == EntryKind::file) {
    level.entries.push_back({name, false, status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size)});
  } else {
    ++corpus_.left_out.special_count;
  }
}

/// Whether a link leads to a regular file within the tree given: then it is one more name of that file. Out of the tree
/// there is no telling what else would be read; links to folders could lead round in circles.
bool CorpusWalk::find_linked(const Folder& folder, const std::string& path, const char* name, struct stat& status) {
  if (!folder.look_at(name, true, status) || !S_ISREG(status.st_mode)) return false;
  if (real_root_.empty()) real_root_ = real_path(root_);
  const std::string target = real_path(path + name);
  return !real_root_.empty() && target.starts_with(real_root_);
}

/// In a token folder: the shards first, as the index has them, and no other file. False where it is none.
bool CorpusWalk::take_shards(Level& level) {
  const auto find = [&level](const std::string& name) {
    const auto at = std::lower_bound(level.entries.begin(), level.entries.end(), name,
                                     [](const Entry& entry, const std::string& wanted) { return entry.name < wanted; });
    return at != level.entries.end() && at->name == name ? at : level.entries.end();
  };
  if (find(token_folder_index_name) == level.entries.end()) return false;
  const std::optional<TokenFolder> index = read_token_folder(level.path);
  if (!index) return false;
  if (!index->damage.empty())
    corpus_.skips.push_back({level.path + token_folder_index_name, 0, index->damage + "; no shard of it is read"});
  std::vector<Entry> shards;
  std::unordered_set<std::string> taken;
  for (const std::string& name : index->shards) {
    const auto entry = find(name);
    if (entry == level.entries.end()) {
      corpus_.skips.push_back({level.path + name, 0, "the index of its folder names it, and it is not there"});
    } else {
      shards.push_back(*entry);
      taken.insert(name);
    }
  }
  const std::size_t files_count = static_cast<std::size_t>(
      std::count_if(level.entries.begin(), level.entries.end(), [](const Entry& entry) { return !entry.is_folder; }));
  corpus_.left_out.companions_count += files_count - taken.size();
  std::erase_if(level.entries, [](const Entry& entry) { return !entry.is_folder; });
  level.entries.insert(level.entries.begin(), shards.begin(), shards.end());
  return true;
}

/// Takes out the indexes that lie beside their tokens.
void CorpusWalk::drop_companions(Level& level) {
  std::vector<std::string> stems;
  for (const Entry& entry : level.entries)
    if (const std::string_view tokens = stem(entry.name, token_ending); !tokens.empty()) stems.emplace_back(tokens);
  if (stems.empty()) return;
  std::sort(stems.begin(), stems.end());
  const std::size_t before = level.entries.size();
  std::erase_if(level.entries, [&stems](const Entry& entry) {
    const std::string_view index = stem(entry.name, token_index_ending);
    return !index.empty() && std::binary_search(stems.begin(), stems.end(), index);
  });
  corpus_.left_out.companions_count += before - level.entries.size();
}

void CorpusWalk::add_source(std::string path, std::string origin, const Entry& entry) {
  if (!seen_.insert({entry.device, entry.inode}).second) {
    ++corpus_.left_out.repeated_count;
    return;
  }
  const FileKind kind = kind_of_name(origin);
  if (kind.format == Format::tokens && kind.compression != Compression::none) {
    corpus_.skips.push_back({std::move(path), 0, "tokens are not read compressed; unpack the file"});
    return;
  }
  corpus_.sources.push_back({std::move(path), std::move(origin), entry.size_bytes, kind.format, kind.compression});
}

void CorpusWalk::skip(std::string path, const std::string& what, int error_number) {
  corpus_.skips.push_back({std::move(path), 0, what + ": " + std::strerror(error_number)});
}

}  // namespace io
