#pragma once

// The byte-level BPE tokenizer, with any of the splits, normal form and added tokens of its model.

#include <memory>

#include "io/bpe_model.hpp"
#include "io/tokenizer.hpp"

namespace io {

std::shared_ptr<const Tokenizer> make_bpe_tokenizer(std::shared_ptr<const BpeModel> model);

}  // namespace io
