#pragma once

// Hugging Face's tokenizer.json: written so that their `tokenizers` loads it and gives the same ids. Reading it is
// tokenizer_from_json (io/tokenizer.hpp).

#include <string>

#include "io/bpe_model.hpp"

namespace io {

/// A byte-level BPE with a published split; special tokens stand in the vocabulary too, as in GPT-2's own file.
std::string bpe_to_json(const BpeModel& model);

/// The tokenizer "bytes": 256 entries, no merges, nothing is split.
std::string bytes_to_json(const BpeModel& model);

}  // namespace io
