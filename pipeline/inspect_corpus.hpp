#pragma once

// What `icosa inspect` prints on standard output about a corpus.

#include <cstdint>
#include <string>

namespace pipeline {

/// So much of a corpus is read where not all of it is asked for.
inline constexpr std::uint64_t inspected_bytes = 64u << 20;

struct InspectOptions {
  std::string tokenizer = "gpt2";  ///< tokens are counted with it
  std::string text_key = "text";
  bool all = false;  ///< read everything, not a sample
  bool quiet = false;
};

/// Files, formats and what is left out; documents, text, tokens and damage, by a sample where the corpus is large.
/// Shows how far it is. Throws as `icosa tokenize` does; Interrupted where the user asks for the end.
void inspect_corpus(const std::string& path, const InspectOptions& options);

}  // namespace pipeline
