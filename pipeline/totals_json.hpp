#pragma once

// What was read, by format, file and corpus, as it stands in summaries.

#include <string>

#include "pipeline/accounting.hpp"

namespace pipeline {

/// `"formats": {...}, "files_of_records": [...], "corpora": [...]`: members of a JSON object, without a last comma.
std::string totals_json(const Accounting& accounting);

}  // namespace pipeline
