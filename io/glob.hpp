#pragma once

// Patterns in paths: `*`, `?` and `[...]` within a name, as fnmatch(3) has them, and `**` for any number of folders,
// none included. Wildcards match no name that begins with a dot and pass through no link to a folder; names that are
// written out do both. A `**` at the end stands for all files below, at any depth.

#include <string>
#include <string_view>
#include <vector>

#include "io/corpus.hpp"
#include "io/folder.hpp"

namespace io {

struct Glob {
  struct Match {
    std::string path;  ///< of a folder with '/' at its end
    EntryKind kind;
  };
  std::vector<Match> matches;  ///< by path, bytewise; what lies below a folder that matches is not listed
  std::vector<Skip> skips;     ///< folders that could not be looked into
};

/// Whether there is a wildcard in it.
bool is_pattern(std::string_view path) noexcept;

/// Everything that the pattern matches, found by blocking calls. A '/' at its end asks for folders only.
Glob expand_pattern(const std::string& pattern);

}  // namespace io
