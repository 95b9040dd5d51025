#include "io/bpe_model.hpp"

#include <algorithm>

#include "io/error.hpp"
#include "io/split_patterns.hpp"

namespace io {

const std::string& BpeModel::token(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= tokens.size())
    throw TokenizerError(name + ": the token id " + std::to_string(id) + " is not one of 0 to " +
                         std::to_string(tokens.size() - 1));
  return tokens[static_cast<std::size_t>(id)];
}

std::vector<std::pair<std::string, std::string>> bpe_parts(const BpeModel& model) {
  std::string split;
  if (model.pattern == SplitPattern::none)
    split = "in steps, run by PCRE2, slower than a published pattern: " + model.split_text;
  else
    split = std::string(name_of(model.pattern)) + ", " + std::string(text_of(model.pattern));
  const auto gaps = std::count(model.tokens.begin(), model.tokens.end(), "");
  std::string kind = "byte-level BPE, " + std::to_string(model.merges.size()) + " merges";
  if (model.whole_tokens_first) kind += ", a pre-token that is a token is not merged";
  if (gaps > 0) kind += ", " + std::to_string(gaps) + " ids without a token";
  return {{"kind", kind}, {"normal form", model.nfc ? "NFC" : "none"}, {"split", split}};
}

}  // namespace io
