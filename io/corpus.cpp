#include "io/corpus.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

namespace io {
namespace {

namespace fs = std::filesystem;

class Walk {
 public:
  void add(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
      throw CorpusError(path + ": " + std::strerror(errno) + "; give a folder or a text file");
    if (S_ISDIR(status.st_mode)) {
      const std::size_t before = corpus_.sources.size();
      add_folder(path, "");
      std::sort(corpus_.sources.begin() + static_cast<std::ptrdiff_t>(before), corpus_.sources.end(),
                [](const Source& a, const Source& b) { return a.origin < b.origin; });
    } else if (S_ISREG(status.st_mode)) {
      add_file(path, fs::path(path).filename().string(), status);
    } else {
      throw CorpusError(path + ": neither a folder nor a regular file; give a folder or a text file");
    }
  }

  Corpus finish() { return std::move(corpus_); }

 private:
  void add_folder(const std::string& path, const std::string& origin) {
    std::error_code error;
    fs::directory_iterator entries(path, error);
    if (error) {
      corpus_.skips.push_back({path, 0, "the folder cannot be read: " + error.message()});
      return;
    }
    for (const fs::directory_iterator end; entries != end;) {
      const std::string name = entries->path().filename().string();
      add_entry(path + (path.ends_with('/') ? "" : "/") + name, origin.empty() ? name : origin + "/" + name, name);
      entries.increment(error);
      if (!error) continue;
      corpus_.skips.push_back({path, 0, "the folder cannot be read to its end: " + error.message()});
      return;
    }
  }

  void add_entry(const std::string& path, const std::string& origin, const std::string& name) {
    if (name.starts_with('.')) {
      ++corpus_.left_out.hidden_count;
      return;
    }
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
      corpus_.skips.push_back({path, 0, std::string("cannot be looked at: ") + std::strerror(errno)});
      return;
    }
    if (S_ISDIR(status.st_mode)) {
      add_folder(path, origin);
      return;
    }
    // A link to a file is that file; a link to a folder is not followed, so no loop and no way out of the tree.
    if (S_ISLNK(status.st_mode) && ::stat(path.c_str(), &status) != 0) status.st_mode = S_IFSOCK;
    if (!S_ISREG(status.st_mode)) {
      ++corpus_.left_out.special_count;
      return;
    }
    add_file(path, origin, status);
  }

  void add_file(const std::string& path, const std::string& origin, const struct stat& status) {
    if (!seen_.emplace(status.st_dev, status.st_ino).second) {
      ++corpus_.left_out.repeated_count;
      return;
    }
    const FileKind kind = kind_of_name(origin);
    corpus_.sources.push_back(
        {path, origin, static_cast<std::uint64_t>(status.st_size), kind.format, kind.compression,
                               nullptr});
  }

  Corpus corpus_;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

Corpus find_corpus(const std::vector<std::string>& paths) {
  Walk walk;
  for (const std::string& path : paths) walk.add(path);
  return walk.finish();
}

LeftOut& LeftOut::operator+=(const LeftOut& more) noexcept {
  hidden_count += more.hidden_count;
  special_count += more.special_count;
  repeated_count += more.repeated_count;
  return *this;
}

double origin_fraction(const std::string& origin) noexcept {
  return record_fraction(origin, 0);
}

double record_fraction(const std::string& origin, std::uint64_t offset_bytes) noexcept {
  const XXH64_hash_t hash = XXH3_64bits_withSeed(origin.data(), origin.size(), offset_bytes);
  return static_cast<double>(hash >> 11) * 0x1p-53;
}

}  // namespace io
