#pragma once

// What a byte-level BPE tokenizer is made of, wherever it was read from (tiktoken ranks, tokenizer.json, vocab.json
// with merges.txt) and whatever it is written to. Built once, then read-only and shared by all encoders.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/added_tokens.hpp"
#include "io/bpe.hpp"
#include "io/merges.hpp"
#include "io/split_sequence.hpp"
#include "io/splitter.hpp"
#include "io/tokenizer.hpp"

namespace io {

/// The text of the token that ends a document, in every tokenizer we load.
inline constexpr std::string_view end_of_text_text = "<|endoftext|>";

struct BpeModel {
  std::string name;                     // for people: "gpt2", or the file it came from
  std::vector<std::string> tokens;      // the bytes of each id; none: no token has this id
  std::vector<Merge> merges;            // in order of rank
  std::vector<TokenId> special_tokens;  // rising; no merge makes them
  TokenId end_of_text = -1;
  std::vector<AddedToken> added_tokens;
  bool nfc = false;  // text is brought to normal form C first
  SplitPattern pattern = SplitPattern::gpt2;
  std::vector<SplitStep> split_steps;  // where the pattern is `none`
  std::string split_text;              // of these, for people
  bool whole_tokens_first = false;     // a pre-token that is a token is not merged, though merges may lead elsewhere
  std::string json;                    // the tokenizer.json it came from, if it did
  BytePairs pairs;                     // the same merges, to look up

  /// The bytes of one id; throws TokenizerError where it is out of range.
  const std::string& token(TokenId id) const;
};

/// What a model is made of, for people.
std::vector<std::pair<std::string, std::string>> bpe_parts(const BpeModel& model);

}  // namespace io
