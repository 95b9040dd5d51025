#pragma once

// Strings as JSON writes them.

#include <string>
#include <string_view>

namespace io {

/// Appends `text` in quotes, escaping what JSON asks for and nothing more.
///   Requires valid UTF-8.
void append_json_string(std::string& json, std::string_view text);

}  // namespace io
