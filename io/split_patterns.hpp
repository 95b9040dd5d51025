#pragma once

// The published split patterns by name and by their text, for the scanners that io/pretoken_scanner.hpp has for them.

#include <optional>
#include <string>
#include <string_view>

#include "io/splitter.hpp"

namespace io {

/// "gpt2", "cl100k", "qwen2", "o200k"; the names that people use for the same: "r50k", "p50k", "llama3", and each with
/// "_base".
std::optional<SplitPattern> split_pattern_named(std::string_view name);
/// The pattern that is written so, if one is.
std::optional<SplitPattern> split_pattern_written(std::string_view regex);

std::string_view name_of(SplitPattern pattern);
/// As a regular expression. Requires a pattern other than `none`.
std::string_view text_of(SplitPattern pattern);

}  // namespace io
