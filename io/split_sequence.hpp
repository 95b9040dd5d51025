#pragma once

// A split in several steps, as a tokenizer.json describes it: the first step cuts the text, each further step cuts the
// pieces of the one before, every piece a text of its own. Goes on where the last piece of a stream ended: what is held
// is what is not decided yet. A byte that is not part of valid UTF-8 is taken for U+001A, a control character.

#include <memory>
#include <vector>

#include "io/split_matcher.hpp"
#include "io/splitter.hpp"

namespace io {

/// What becomes of matches and of what stands between them; as in Hugging Face's `tokenizers`.
enum class SplitBehavior : std::uint8_t { isolated, removed, merged_with_previous, merged_with_next, contiguous };

struct SplitStep {
  std::shared_ptr<const SplitMatcherFactory> matchers;
  SplitBehavior behavior = SplitBehavior::isolated;
  bool invert = false;  // what stands between matches takes their part, and they its
};

/// A splitter of these steps, at least one.
std::unique_ptr<Splitter> split_sequence(const std::vector<SplitStep>& steps);

}  // namespace io
