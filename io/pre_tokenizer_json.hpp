#pragma once

// The pre_tokenizer of a tokenizer.json: Split, Digits, Punctuation and ByteLevel, or a Sequence of these that ends
// with ByteLevel. A published pattern alone is split by its scanner; everything else in steps, by PCRE2.

#include <simdjson.h>

#include <string>
#include <vector>

#include "io/split_sequence.hpp"
#include "io/splitter.hpp"

namespace io {

struct PreTokenizer {
  SplitPattern pattern = SplitPattern::none;
  std::vector<SplitStep> steps;  // where the pattern is `none`; none: nothing is split
  std::string text;              // of the steps, for people
};

/// Throws std::invalid_argument, its text what is not supported.
PreTokenizer read_pre_tokenizer(simdjson::dom::object json);

}  // namespace io
