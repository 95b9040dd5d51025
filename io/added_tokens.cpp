#include "io/added_tokens.hpp"

#include <algorithm>

namespace io {

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens, bool takes_special)
    : tokens_(std::move(tokens)), takes_special_(takes_special) {
  std::sort(tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
  for (const AddedToken& token : tokens_) {
    begins_[static_cast<unsigned char>(token.text[0])] = true;
    if (!token.special || takes_special) takes_any_ = true;
    if (!token.special || takes_special) continue;
    for (const AddedToken& other : tokens_) {
      for (std::size_t at = 1; at < token.text.size(); ++at) {
        const std::string_view rest = std::string_view(token.text).substr(at);
        if (rest.starts_with(other.text) || std::string_view(other.text).starts_with(rest)) is_local_ = false;
      }
    }
  }
}

/// The longest token that `text` begins with: the tokens that agree so far stand side by side.
AddedTokenFinder::Match AddedTokenFinder::match_at(std::string_view text, bool complete) const noexcept {
  Match match;
  auto first = tokens_.begin();
  auto last = tokens_.end();
  for (std::size_t depth = 0; first != last; ++depth) {
    if (first->text.size() == depth) {
      match.token = &*first;
      if (++first == last) break;
    }
    if (depth == text.size()) {
      match.open = !complete;
      break;
    }
    const auto byte = static_cast<unsigned char>(text[depth]);
    const auto at = [depth](const AddedToken& token) { return static_cast<unsigned char>(token.text[depth]); };
    first = std::partition_point(first, last, [&](const AddedToken& token) { return at(token) < byte; });
    last = std::partition_point(first, last, [&](const AddedToken& token) { return at(token) == byte; });
  }
  return match;
}

AddedTokenFinder::Found AddedTokenFinder::find(std::string_view text, std::size_t from, bool complete) const noexcept {
  std::size_t at = from;
  while (at < text.size()) {
    if (!begins_[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    const Match match = match_at(text.substr(at), complete);
    if (match.open) return {Found::Kind::open, at, text.size()};
    if (match.token == nullptr) {
      ++at;
      continue;
    }
    const std::size_t end = at + match.token->text.size();
    if (!match.token->special || takes_special_) return {Found::Kind::token, at, end, match.token->id};
    at = end;
  }
  return {Found::Kind::none};
}

namespace {

class AddedTokenEncoder final : public Encoder {
 public:
  AddedTokenEncoder(std::shared_ptr<const AddedTokenFinder> finder, std::unique_ptr<Encoder> between)
      : finder_(std::move(finder)), between_(std::move(between)) {}

  void encode(std::string_view piece, std::vector<TokenId>& ids) override {
    if (held_.empty()) {
      held_ = piece.substr(take(piece, false, ids));
      return;
    }
    held_ += piece;
    held_.erase(0, take(held_, false, ids));
  }

  void finish(std::vector<TokenId>& ids) override {
    take(held_, true, ids);
    held_.clear();
    between_->finish(ids);
  }

  std::optional<std::size_t> held_bytes() const noexcept override {
    const std::optional<std::size_t> between = between_->held_bytes();
    if (!between || !finder_->is_local()) return std::nullopt;
    return *between + held_.size();
  }

 private:
  /// Returns the bytes that are decided.
  std::size_t take(std::string_view text, bool complete, std::vector<TokenId>& ids) {
    using Kind = AddedTokenFinder::Found::Kind;
    std::size_t at = 0;
    for (;;) {
      const AddedTokenFinder::Found found = finder_->find(text, at, complete);
      const std::size_t end = found.kind == Kind::none ? text.size() : found.begin;
      if (end > at) between_->encode(text.substr(at, end - at), ids);
      if (found.kind != Kind::token) return end;
      between_->finish(ids);
      ids.push_back(found.id);
      at = found.end;
    }
  }

  std::shared_ptr<const AddedTokenFinder> finder_;
  std::unique_ptr<Encoder> between_;
  std::string held_;  // the beginning of a token, perhaps
};

}  // namespace

std::unique_ptr<Encoder> added_token_encoder(std::shared_ptr<const AddedTokenFinder> finder,
                                             std::unique_ptr<Encoder> between) {
  return std::make_unique<AddedTokenEncoder>(std::move(finder), std::move(between));
}

}  // namespace io
