#pragma once

// The tokenizer "bytes": ids 0 to 255 are byte values, 256 is the end of text.

#include <memory>

#include "io/bpe_model.hpp"
#include "io/tokenizer.hpp"

namespace io {

std::shared_ptr<const Tokenizer> make_byte_tokenizer();

/// Whether a model that was read from a file is this one: its 256 bytes in order, the end of text, no merges.
bool is_byte_tokenizer(const BpeModel& model);

}  // namespace io
