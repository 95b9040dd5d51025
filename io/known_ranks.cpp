#include "io/known_ranks.hpp"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <unordered_map>

#include "io/error.hpp"
#include "io/split_patterns.hpp"

namespace io {
namespace {

struct SpecialToken {
  std::string_view text;
  TokenId id;
};

struct KnownRanks {
  std::string_view name;
  std::size_t count;
  std::uint64_t hash;  // hash_of
  SplitPattern pattern;
  bool whole_tokens_first;  // merges do not lead to each token
  std::vector<SpecialToken> special_tokens;
};

/// As tiktoken's openai_public.py has them.
const std::vector<KnownRanks>& known_ranks() {
  static const std::vector<KnownRanks> known = {
      {"gpt2", 50256, 0xa0b9e2130e98c262u, SplitPattern::gpt2, false, {{end_of_text_text, 50256}}},
      {"p50k", 50281, 0x508f4c42e038401bu, SplitPattern::gpt2, true, {{end_of_text_text, 50256}}},
      {"cl100k",
       100256,
       0xecb48ec342a2f78fu,
       SplitPattern::cl100k,
       true,
       {{end_of_text_text, 100257},
        {"<|fim_prefix|>", 100258},
        {"<|fim_middle|>", 100259},
        {"<|fim_suffix|>", 100260},
        {"<|endofprompt|>", 100276}}},
      {"o200k",
       199998,
       0x79016c96e403d4f8u,
       SplitPattern::o200k,
       true,
       {{end_of_text_text, 199999}, {"<|endofprompt|>", 200018}}},
  };
  return known;
}

/// Of the tokens with their lengths, so that no two lists of tokens look the same.
std::uint64_t hash_of(const std::vector<std::string>& tokens) {
  std::string content;
  for (const std::string& token : tokens) {
    char length[24];
    content.append(length, std::to_chars(length, length + sizeof length, token.size()).ptr);
    content += ':';
    content += token;
  }
  return XXH3_64bits(content.data(), content.size());
}

/// Ranks name what a merge makes, not what of. A token's merge is what its bytes are, encoded with the merges before
/// it: whenever the token is made in a text, no earlier merge is left within it, so it is made of just these two. A
/// token whose bytes become more than two is never made: only a whole pre-token is one.
void add_merges(BpeModel& model) {
  BytePairEncoder encoder;
  std::vector<TokenId> parts;
  model.pairs.merges = MergeTable(model.tokens.size());
  model.merges.reserve(model.tokens.size());
  for (std::size_t rank = 0; rank < model.tokens.size(); ++rank) {
    if (model.tokens[rank].size() <= 1) continue;
    parts.clear();
    encoder.encode(model.pairs, model.tokens[rank], parts);
    if (parts.size() != 2) continue;
    model.merges.push_back({parts[0], parts[1], static_cast<TokenId>(rank)});
    model.pairs.merges.add(model.merges.back(), static_cast<std::uint32_t>(model.merges.size() - 1));
  }
}

/// Whether byte pair encoding makes this token where any two neighbours merge that are a token together, the lowest
/// rank first.
bool is_made(std::string_view token, const std::unordered_map<std::string_view, std::size_t>& ranks) {
  std::vector<std::size_t> begins(token.size());  // of its parts
  std::iota(begins.begin(), begins.end(), std::size_t{0});
  while (begins.size() > 1) {
    std::size_t first = ranks.size(), place = 0;
    for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
      const std::size_t end = i + 2 < begins.size() ? begins[i + 2] : token.size();
      const auto made = ranks.find(token.substr(begins[i], end - begins[i]));
      if (made == ranks.end() || made->second >= first) continue;
      first = made->second;
      place = i + 1;
    }
    if (place == 0) return false;
    begins.erase(begins.begin() + static_cast<std::ptrdiff_t>(place));
  }
  return true;
}

/// The first token that is made all the same, where add_merges found that lower ranks do not: of a higher one. That
/// merge does not go by the rank of what it makes. Ranks that were learnt have none such; -1: nor have these.
TokenId made_of_higher_ranks(const BpeModel& model) {
  std::unordered_map<std::string_view, std::size_t> ranks;
  for (std::size_t rank = 0; rank < model.tokens.size(); ++rank) ranks.emplace(model.tokens[rank], rank);
  auto merge = model.merges.begin();
  for (std::size_t rank = 0; rank < model.tokens.size(); ++rank) {
    const bool has_merge = merge != model.merges.end() && static_cast<std::size_t>(merge->merged) == rank;
    if (has_merge)
      ++merge;
    else if (model.tokens[rank].size() > 1 && is_made(model.tokens[rank], ranks))
      return static_cast<TokenId>(rank);
  }
  return -1;
}

void add_special_tokens(BpeModel& model, const std::vector<SpecialToken>& tokens) {
  for (const SpecialToken& token : tokens) {
    const auto id = static_cast<std::size_t>(token.id);
    if (id >= model.tokens.size()) model.tokens.resize(id + 1);
    model.tokens[id] = token.text;
    model.special_tokens.push_back(token.id);
    model.added_tokens.push_back({.text = std::string(token.text), .id = token.id});
  }
  model.end_of_text = tokens.front().id;
}

}  // namespace

std::shared_ptr<const BpeModel> model_of_ranks(std::vector<std::string> tokens, const std::string& name,
                                               std::optional<SplitPattern> pattern) {
  const auto refuse = [&](const std::string& reason) { throw TokenizerError(name + ": " + reason); };
  const std::uint64_t hash = hash_of(tokens);
  const auto& all = known_ranks();
  const auto known = std::find_if(all.begin(), all.end(), [&](const KnownRanks& ranks) {
    return ranks.count == tokens.size() && ranks.hash == hash;
  });
  auto model = std::make_shared<BpeModel>();
  std::vector<SpecialToken> special_tokens = {{end_of_text_text, static_cast<TokenId>(tokens.size())}};
  if (known != all.end()) {
    if (pattern && *pattern != known->pattern)
      refuse("these are the ranks of " + std::string(known->name) + ", which are split by the pattern " +
             std::string(name_of(known->pattern)) + ", not by " + std::string(name_of(*pattern)));
    model->name = known->name;
    model->pattern = known->pattern;
    model->whole_tokens_first = known->whole_tokens_first;
    special_tokens = known->special_tokens;
  } else {
    const auto gap = std::find(tokens.begin(), tokens.end(), "") - tokens.begin();
    if (static_cast<std::size_t>(gap) < tokens.size()) refuse("the rank " + std::to_string(gap) + " is missing");
    if (!pattern)
      refuse(
          "a .tiktoken file holds no split pattern, and these ranks are not known (those of gpt2, p50k, cl100k and "
          "o200k are); give --pattern, or use the tokenizer.json of this tokenizer");
    model->name = name;
    model->pattern = *pattern;
    model->whole_tokens_first = true;
  }
  model->tokens = std::move(tokens);
  for (std::size_t id = 0; id < model->tokens.size(); ++id) {
    const std::string& token = model->tokens[id];
    if (token.size() == 1) model->pairs.byte_ids[static_cast<unsigned char>(token[0])] = static_cast<TokenId>(id);
  }
  add_merges(*model);
  if (known == all.end()) {
    const TokenId odd = made_of_higher_ranks(*model);
    if (odd >= 0)
      refuse("the ranks are not in the order of merges, which is not supported: rank " + std::to_string(odd) +
             " is made of a token of a higher rank");
  }
  add_special_tokens(*model, special_tokens);
  return model;
}

}  // namespace io
