#include "io/bpe_builder.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "io/byte_level.hpp"
#include "io/error.hpp"
#include "io/json_string.hpp"
#include "io/utf8.hpp"

namespace io {
namespace {

/// For errors, which are one line whatever the token.
std::string quoted(std::string_view text) {
  std::string json;
  append_json_string(json, to_valid_utf8(text));
  return json;
}

}  // namespace

BpeBuilder::BpeBuilder(std::string name) : name_(std::move(name)) {
  model_->name = name_;
}

void BpeBuilder::refuse(const std::string& reason) const {
  throw TokenizerError(name_ + ": " + reason);
}

void BpeBuilder::add(std::string_view text, std::int64_t id, bool special, std::string bytes) {
  if (id < 0 || id >= std::numeric_limits<TokenId>::max())
    refuse("the id " + std::to_string(id) + " of " + quoted(text) + " is out of range");
  const Token token{static_cast<TokenId>(id), special, std::move(bytes)};
  if (!tokens_.emplace(text, token).second) refuse("the token " + quoted(text) + " stands twice");
}

void BpeBuilder::add_special_token(std::string_view text, std::int64_t id, bool always) {
  if (text.empty()) refuse("a special token is empty");
  add(text, id, true, std::string(text));
  tokens_.find(text)->second.may_be_ordinary = !always;
}

void BpeBuilder::add_token(std::string_view text, std::int64_t id) {
  const auto known = tokens_.find(text);
  if (known != tokens_.end() && known->second.special) {
    if (known->second.id == id) {
      std::optional<std::string> bytes = byte_level_bytes(text);
      if (!known->second.may_be_ordinary || !bytes || text == end_of_text_text) return;
      known->second.special = false;
      known->second.bytes = std::move(*bytes);
      return;
    }
    refuse("the token " + quoted(text) + " has two ids, " + std::to_string(known->second.id) + " and " +
           std::to_string(id));
  }
  std::optional<std::string> bytes = byte_level_bytes(text);
  if (!bytes || bytes->empty())
    refuse("the token " + quoted(text) + " is not in the byte-level alphabet; only byte-level BPE is supported");
  // A text that is not marked as special ends documents all the same.
  add(text, id, text == end_of_text_text, std::move(*bytes));
}

const BpeBuilder::Token& BpeBuilder::token_of_merge(std::string_view text, const std::string& where) const {
  const auto token = tokens_.find(text);
  if (token == tokens_.end()) refuse(where + ": the merge needs the token " + quoted(text) + ", which is not there");
  return token->second;
}

void BpeBuilder::add_merge(std::string_view left, std::string_view right, const std::string& where) {
  const Token& merged = token_of_merge(std::string(left) + std::string(right), where);
  if (merged.special) refuse(where + ": the merge makes the special token " + quoted(merged.bytes));
  model_->merges.push_back({token_of_merge(left, where).id, token_of_merge(right, where).id, merged.id});
  merge_places_.push_back(where);
}

void BpeBuilder::add_merge(std::string_view left_and_right, const std::string& where) {
  const std::size_t space = left_and_right.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == left_and_right.size() ||
      left_and_right.find(' ', space + 1) != std::string_view::npos)
    refuse(where + ": not a merge, which is two tokens with one space between them");
  add_merge(left_and_right.substr(0, space), left_and_right.substr(space + 1), where);
}

void BpeBuilder::place_tokens() {
  std::size_t ids_count = 0;
  for (const auto& [text, token] : tokens_) ids_count = std::max(ids_count, static_cast<std::size_t>(token.id) + 1);
  if (ids_count > 2 * tokens_.size())
    refuse("there is an id " + std::to_string(ids_count - 1) + ", but only " + std::to_string(tokens_.size()) +
           " tokens: most ids have no token");
  model_->tokens.resize(ids_count);
  std::vector<const std::string*> text_of(ids_count);
  for (auto& [text, token] : tokens_) {
    const auto id = static_cast<std::size_t>(token.id);
    if (text_of[id] != nullptr)
      refuse("the id " + std::to_string(id) + " stands for both " + quoted(std::min(text, *text_of[id])) + " and " +
             quoted(std::max(text, *text_of[id])));
    text_of[id] = &text;
    model_->tokens[id] = token.bytes;
    if (token.special) model_->special_tokens.push_back(token.id);
  }
  std::sort(model_->special_tokens.begin(), model_->special_tokens.end());
}

/// The text that ends documents differs from maker to maker.
void BpeBuilder::find_end_of_text() {
  for (const std::string_view text :
       {end_of_text_text, std::string_view("<|end_of_text|>"), std::string_view("<｜end▁of▁sentence｜>"),
        std::string_view("</s>"), std::string_view("<eos>")}) {
    const auto token = tokens_.find(text);
    if (token == tokens_.end() || !token->second.special) continue;
    model_->end_of_text = token->second.id;
    return;
  }
  refuse("there is no token " + quoted(end_of_text_text) +
         ", which ends documents, nor <|end_of_text|>, <｜end▁of▁sentence｜>, </s> or <eos>");
}

/// In a vocabulary without a list of added tokens the end of text is one all the same.
void BpeBuilder::list_special_tokens() {
  for (const TokenId id : model_->special_tokens) {
    const auto is_listed = [id](const AddedToken& token) { return token.id == id; };
    if (std::none_of(model_->added_tokens.begin(), model_->added_tokens.end(), is_listed))
      model_->added_tokens.push_back({.text = model_->token(id), .id = id});
  }
}

void BpeBuilder::find_bytes() {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = byte_level_text(std::string(1, static_cast<char>(byte)));
    const auto token = tokens_.find(text);
    if (token == tokens_.end() || token->second.special)
      refuse("there is no token for the byte " + std::to_string(byte) + " (" + quoted(text) + ")");
    model_->pairs.byte_ids[static_cast<std::size_t>(byte)] = token->second.id;
  }
}

void BpeBuilder::index_merges() {
  MergeTable& table = model_->pairs.merges = MergeTable(model_->merges.size());
  for (std::uint32_t rank = 0; rank < model_->merges.size(); ++rank) {
    const Merge& merge = model_->merges[rank];
    if (table.find(merge.left, merge.right).rank != MergeTable::no_rank)
      refuse(merge_places_[rank] + ": the merge stands twice");
    table.add(merge, rank);
  }
}

std::shared_ptr<const BpeModel> BpeBuilder::build() {
  place_tokens();
  find_end_of_text();
  list_special_tokens();
  find_bytes();
  index_merges();
  return std::move(model_);
}

}  // namespace io
