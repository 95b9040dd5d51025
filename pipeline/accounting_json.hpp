#pragma once

// The books of a run as a checkpoint keeps them, so that its totals go on where they stood. The skips themselves stand
// in skipped.jsonl.

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/accounting.hpp"

namespace pipeline {

/// As a JSON object without spaces. `datasets`: whose files the books are about.
std::string to_json(const Accounting& accounting, const std::vector<Dataset>& datasets);

/// The way back: books under `rules` about the same files. `skips`: what skipped.jsonl says, in its order; none of them
/// is entered again.
///   Throws std::runtime_error, one line, for what `to_json` did not write.
Accounting accounting_from_json(std::string_view json, const Accounting::Rules& rules,
                                const std::vector<Dataset>& datasets, const std::vector<io::Skip>& skips);

/// The lines of skipped.jsonl. Throws std::runtime_error for a line that is none of ours.
std::vector<io::Skip> skips_from_lines(std::string_view lines);

}  // namespace pipeline
