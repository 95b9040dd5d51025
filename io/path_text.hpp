#pragma once

// A path as a message shows it.

#include <string>
#include <string_view>

namespace io {

/// On one line whatever is in it: control characters as \n or \x1b, U+FFFD for what is not UTF-8. "" where it is empty.
std::string path_text(std::string_view path);

}  // namespace io
