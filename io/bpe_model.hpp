#pragma once

// What a byte-level BPE tokenizer is made of, wherever it was read from (tiktoken ranks, tokenizer.json, vocab.json
// with merges.txt) and whatever it is written to. Built once, then read-only and shared by all encoders.

#include <string>
#include <string_view>
#include <vector>

#include "io/bpe.hpp"
#include "io/merges.hpp"
#include "io/splitter.hpp"
#include "io/tokenizer.hpp"

namespace io {

/// The text of the token that ends a document, in every tokenizer we load.
inline constexpr std::string_view end_of_text_text = "<|endoftext|>";

struct BpeModel {
  std::string name;                     // for people: "gpt2", or the file it came from
  std::vector<std::string> tokens;      // the bytes of each id
  std::vector<Merge> merges;            // in order of rank
  std::vector<TokenId> special_tokens;  // rising; no merge makes them
  TokenId end_of_text = -1;
  SplitPattern pattern = SplitPattern::gpt2;
  bool whole_tokens_first = false;  // a pre-token that is a token is not merged, though merges may lead elsewhere
  BytePairs pairs;                  // the same merges, to look up

  /// The bytes of one id; throws TokenizerError where it is out of range.
  const std::string& token(TokenId id) const;
};

}  // namespace io
