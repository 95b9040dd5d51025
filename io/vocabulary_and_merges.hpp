#pragma once

// The older form of GPT-2's tokenizer: a folder with vocab.json (token to id) and merges.txt (a merge on each line, the
// first goes first). Its split is GPT-2's.

#include <memory>
#include <string>

#include "io/tokenizer.hpp"

namespace io {

/// Reads both files of `folder`.
///   Throws TokenizerError, its text one line that names the file.
std::shared_ptr<const Tokenizer> tokenizer_from_vocabulary_and_merges(const std::string& folder);

}  // namespace io
