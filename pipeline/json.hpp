#pragma once

// The little JSON that the program writes.

#include <string>
#include <string_view>

namespace pipeline {

/// `text` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

/// A number that reads back to the same double; null where it is not finite.
std::string json_number(double number);

}  // namespace pipeline
