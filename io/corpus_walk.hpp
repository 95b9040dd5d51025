#pragma once

// Collects the files of a corpus: walks folders in the order of their files' origins, and knows which files it has
// already. One folder is open at a time and nothing recurses, so a tree may be as deep as the system's paths are long.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "io/corpus.hpp"
#include "io/folder.hpp"
#include "io/glob.hpp"

namespace io {

class CorpusWalk {
 public:
  /// Everything below the folder.
  void add_folder(const std::string& path);
  /// A regular file, or a link to one, as stat(2) has it.
  void add_file(const std::string& path, const struct stat& status);
  /// What a pattern matched: its folders and files; the rest is counted.
  void add_matches(Glob glob);

  Corpus finish();

 private:
  struct Entry {
    std::string name;  // of a folder with '/' at its end: then names sort as origins do
    bool is_folder = false;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size_bytes = 0;
  };
  /// A folder under way.
  struct Level {
    std::string path;  // with '/' at its end, like the origin
    std::string origin;
    std::vector<Entry> entries;
    std::size_t next = 0;
  };
  struct FileId {
    std::uint64_t device;
    std::uint64_t inode;
    bool operator==(const FileId&) const = default;
  };
  struct FileIdHash {
    std::size_t operator()(const FileId& id) const noexcept;
  };

  void enter(std::string path, std::string origin);
  void read_entry(const Folder& folder, const dirent& entry, Level& level);
  bool find_linked(const Folder& folder, const std::string& path, const char* name, struct stat& status);
  bool take_shards(Level& level);
  void drop_companions(Level& level);
  void add_source(std::string path, std::string origin, const Entry& entry);
  void skip(std::string path, const std::string& what, int error_number);

  Corpus corpus_;
  std::string root_;       // the folder given
  std::string real_root_;  // the same without links, with '/' at its end; found out when it is needed
  std::vector<Level> levels_;
  std::unordered_set<FileId, FileIdHash> seen_;
};

}  // namespace io
