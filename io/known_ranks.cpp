#include "io/known_ranks.hpp"

#include <xxhash.h>

#include <cassert>

#include "io/error.hpp"

namespace io {
namespace {

constexpr std::size_t gpt2_ranks_count = 50256;
constexpr std::uint64_t gpt2_ranks_hash = 0xa0b9e2130e98c262u;

/// Of the tokens with their lengths, so that no two lists of tokens look the same.
std::uint64_t hash_of(const std::vector<std::string>& tokens) {
  std::string content;
  for (const std::string& token : tokens) content += std::to_string(token.size()) + ":" + token;
  return XXH3_64bits(content.data(), content.size());
}

/// Ranks name what a merge makes, not what of. A token's merge is what its bytes are, encoded with the merges before
/// it: whenever the token is made in a text, no earlier merge is left within it, so it is made of just these two.
void add_merges(BpeModel& model) {
  BytePairEncoder encoder;
  std::vector<TokenId> parts;
  model.pairs.merges = MergeTable(model.tokens.size());
  for (std::size_t rank = 0; rank < model.tokens.size(); ++rank) {
    if (model.tokens[rank].size() == 1) continue;
    parts.clear();
    encoder.encode(model.pairs, model.tokens[rank], parts);
    assert(parts.size() == 2);  // holds for the ranks that are known
    model.merges.push_back({parts[0], parts[1], static_cast<TokenId>(rank)});
    model.pairs.merges.add(model.merges.back(), static_cast<std::uint32_t>(model.merges.size() - 1));
  }
}

}  // namespace

std::shared_ptr<const BpeModel> model_of_ranks(std::vector<std::string> tokens, const std::string& name) {
  if (tokens.size() != gpt2_ranks_count || hash_of(tokens) != gpt2_ranks_hash)
    throw TokenizerError(name +
                         ": a .tiktoken file holds no split pattern, and these ranks are not known (gpt2's are); "
                         "use the tokenizer.json of this tokenizer");
  auto model = std::make_shared<BpeModel>();
  model->name = "gpt2";
  model->tokens = std::move(tokens);
  for (std::size_t id = 0; id < model->tokens.size(); ++id) {
    const std::string& token = model->tokens[id];
    if (token.size() == 1) model->pairs.byte_ids[static_cast<unsigned char>(token[0])] = static_cast<TokenId>(id);
  }
  add_merges(*model);
  model->end_of_text = static_cast<TokenId>(model->tokens.size());
  model->special_tokens = {model->end_of_text};
  model->tokens.emplace_back(end_of_text_text);
  model->added_tokens = {{.text = std::string(end_of_text_text), .id = model->end_of_text}};
  return model;
}

}  // namespace io
