#pragma once

// Small regular files, read whole by blocking calls before a run begins: lists of paths, indexes of folders.

#include <cstddef>
#include <optional>
#include <string>

namespace io {

/// Up to `bytes_max` bytes from the beginning of the file. Nothing, with errno set, where it cannot be read; EINVAL
/// where it is not a regular file: such a one is never waited for.
std::optional<std::string> read_regular_file(const std::string& path, std::size_t bytes_max);

}  // namespace io
