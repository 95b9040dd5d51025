#pragma once

// The file behind `@list`: one path per line, relative to the working directory. Lines that begin with '#' and lines of
// white space are nothing; everything else is the path, spaces included.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace io {

struct ListedPath {
  std::string path;
  std::uint64_t line = 0;  ///< the first is 1
};

/// The paths in the text of a list. A '\r' before a newline and a byte order mark at the beginning are dropped.
std::vector<ListedPath> paths_of_list(std::string_view text);

/// Reads the list by blocking calls. Throws CorpusError where it is no regular file, cannot be read or names nothing.
std::vector<ListedPath> read_path_list(const std::string& list);

}  // namespace io
