#pragma once

// What was read, by format, file and corpus, as it stands in summaries.

#include <string>
#include <vector>

#include "pipeline/accounting.hpp"

namespace pipeline {

/// `"formats": {...}, "record_files": [...], "corpora": [...]`: members of a JSON object, without a last comma.
std::string totals_json(const Accounting& accounting, const std::vector<FileTotals>& record_files,
                        const std::vector<CorpusShare>& corpora);

}  // namespace pipeline
