#include "io/path_list.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

#include "io/corpus.hpp"
#include "io/path_text.hpp"
#include "io/regular_file.hpp"

namespace io {

std::vector<ListedPath> paths_of_list(std::string_view text) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  std::vector<ListedPath> paths;
  for (std::uint64_t line = 1; !text.empty(); ++line) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    std::string_view path = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    if (path.ends_with('\r')) path.remove_suffix(1);
    if (path.find_first_not_of(" \t\r") == path.npos || path.starts_with('#')) continue;
    paths.push_back({std::string(path), line});
  }
  return paths;
}

std::vector<ListedPath> read_path_list(const std::string& list) {
  struct stat status {};
  if (::stat(list.c_str(), &status) != 0)
    throw CorpusError(path_text(list) + ": " + std::strerror(errno) +
                      "; give a file with one path per line behind @, or ./@... for a file of that name");
  if (!S_ISREG(status.st_mode))
    throw CorpusError(path_text(list) + ": not a regular file; give a file with one path per line behind @");
  const std::optional<std::string> text = read_regular_file(list, std::numeric_limits<std::size_t>::max());
  if (!text) throw CorpusError(path_text(list) + ": the list cannot be read: " + std::strerror(errno));
  std::vector<ListedPath> paths = paths_of_list(*text);
  if (paths.empty()) throw CorpusError(path_text(list) + ": the list names no path; give one on each line");
  return paths;
}

}  // namespace io
