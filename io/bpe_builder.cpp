#include "io/bpe_builder.hpp"

#include <xxhash.h>

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

BpeBuilder::Token* BpeBuilder::find(std::string_view text) noexcept {
  const std::uint64_t hash = XXH3_64bits(text.data(), text.size());
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at].place != 0; at = (at + 1) & mask) {
    Token& token = tokens_[slots_[at].place - 1];
    if (slots_[at].hash == static_cast<std::uint32_t>(hash >> 32) && token.text == text) return &token;
  }
  return nullptr;
}

/// The table stays at most half full.
void BpeBuilder::make_room() {
  if (2 * (tokens_.size() + 1) <= slots_.size()) return;
  slots_.assign(4 * slots_.size(), Slot{});
  for (std::uint32_t place = 0; place < tokens_.size(); ++place) put(place);
}

void BpeBuilder::put(std::uint32_t place) {
  const std::string_view text = tokens_[place].text;
  const std::uint64_t hash = XXH3_64bits(text.data(), text.size());
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].place != 0) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {static_cast<std::uint32_t>(hash >> 32), place + 1};
}

std::string_view BpeBuilder::keep(std::string_view text) {
  constexpr std::size_t block_bytes = 1u << 20;
  if (text.size() > text_bytes_left_) {
    text_bytes_left_ = std::max(block_bytes, text.size());
    texts_.push_back(std::make_unique_for_overwrite<char[]>(text_bytes_left_));
    text_end_ = texts_.back().get();
  }
  std::copy(text.begin(), text.end(), text_end_);
  const std::string_view kept(text_end_, text.size());
  text_end_ += text.size();
  text_bytes_left_ -= text.size();
  return kept;
}

void BpeBuilder::add(std::string_view text, std::int64_t id, bool special, std::string bytes) {
  if (id < 0 || id >= std::numeric_limits<TokenId>::max())
    refuse("the id " + std::to_string(id) + " of " + quoted(text) + " is out of range");
  if (find(text) != nullptr) refuse("the token " + quoted(text) + " stands twice");
  make_room();
  tokens_.push_back({static_cast<TokenId>(id), special, false, keep(text), std::move(bytes)});
  put(static_cast<std::uint32_t>(tokens_.size() - 1));
}

void BpeBuilder::add_special_token(std::string_view text, std::int64_t id, bool always) {
  if (text.empty()) refuse("a special token is empty");
  add(text, id, true, std::string(text));
  tokens_.back().may_be_ordinary = !always;
}

void BpeBuilder::add_token(std::string_view text, std::int64_t id) {
  Token* const known = find(text);
  if (known != nullptr && known->special) {
    if (known->id == id) {
      std::optional<std::string> bytes = byte_level_bytes(text);
      if (!known->may_be_ordinary || !bytes || text == end_of_text_text) return;
      known->special = false;
      known->bytes = std::move(*bytes);
      return;
    }
    refuse("the token " + quoted(text) + " has two ids, " + std::to_string(known->id) + " and " + std::to_string(id));
  }
  std::optional<std::string> bytes = byte_level_bytes(text);
  if (!bytes || bytes->empty())
    refuse("the token " + quoted(text) + " is not in the byte-level alphabet; only byte-level BPE is supported");
  // A text that is not marked as special ends documents all the same.
  add(text, id, text == end_of_text_text, std::move(*bytes));
}

const BpeBuilder::Token& BpeBuilder::token_of_merge(std::string_view text, const std::string& where) {
  const Token* const token = find(text);
  if (token == nullptr) refuse(where + ": the merge needs the token " + quoted(text) + ", which is not there");
  return *token;
}

void BpeBuilder::add_merge(std::string_view left, std::string_view right, const std::string& where) {
  merged_.assign(left).append(right);
  const Token& merged = token_of_merge(merged_, where);
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
  for (const Token& token : tokens_) ids_count = std::max(ids_count, static_cast<std::size_t>(token.id) + 1);
  if (ids_count > 2 * tokens_.size())
    refuse("there is an id " + std::to_string(ids_count - 1) + ", but only " + std::to_string(tokens_.size()) +
           " tokens: most ids have no token");
  model_->tokens.resize(ids_count);
  std::vector<const Token*> token_of(ids_count);
  for (Token& token : tokens_) {
    const auto id = static_cast<std::size_t>(token.id);
    if (token_of[id] != nullptr)
      refuse("the id " + std::to_string(id) + " stands for both " + quoted(std::min(token.text, token_of[id]->text)) +
             " and " + quoted(std::max(token.text, token_of[id]->text)));
    token_of[id] = &token;
    model_->tokens[id] = std::move(token.bytes);
    if (token.special) model_->special_tokens.push_back(token.id);
  }
  std::sort(model_->special_tokens.begin(), model_->special_tokens.end());
}

/// The text that ends documents differs from maker to maker.
void BpeBuilder::find_end_of_text() {
  for (const std::string_view text :
       {end_of_text_text, std::string_view("<|end_of_text|>"), std::string_view("<｜end▁of▁sentence｜>"),
        std::string_view("</s>"), std::string_view("<eos>")}) {
    const Token* const token = find(text);
    if (token == nullptr || !token->special) continue;
    model_->end_of_text = token->id;
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
    const Token* const token = find(text);
    if (token == nullptr || token->special)
      refuse("there is no token for the byte " + std::to_string(byte) + " (" + quoted(text) + ")");
    model_->pairs.byte_ids[static_cast<std::size_t>(byte)] = token->id;
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
