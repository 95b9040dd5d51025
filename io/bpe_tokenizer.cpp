#include "io/bpe_tokenizer.hpp"

#include <algorithm>

#include "io/piece_cache.hpp"
#include "io/pretokenizer.hpp"
#include "io/tokenizer_json.hpp"

namespace io {
namespace {

class BpeEncoder final : public Encoder {
 public:
  explicit BpeEncoder(std::shared_ptr<const BpeModel> model) : model_(std::move(model)) {}

  void encode(std::string_view piece, std::vector<TokenId>& ids) override {
    // In blocks, so that the copy stays in the cache and a document in one piece is not held twice.
    while (!piece.empty()) {
      const std::size_t block_bytes = std::min(piece.size(), block_bytes_max);
      tail_ += piece.substr(0, block_bytes);
      piece.remove_prefix(block_bytes);
      encode_decided(false, ids);
    }
  }

  void finish(std::vector<TokenId>& ids) override {
    encode_decided(true, ids);
    if (tail_.capacity() > 16 * block_bytes_max) tail_ = {};  // after a giant pre-token, which is rare
  }

  // Splitting looks at nothing that comes before a pre-token.
  std::optional<std::size_t> held_bytes() const noexcept override { return tail_.size(); }

 private:
  static constexpr std::size_t block_bytes_max = 64 << 10;

  /// Encodes the pre-tokens at the beginning of the tail that nothing to come can change.
  void encode_decided(bool complete, std::vector<TokenId>& ids) {
    std::size_t begin = 0;
    while (begin < tail_.size()) {
      const auto end = pretokenizer_.pretoken_end(tail_, begin, complete);
      if (!end) break;
      encode_pretoken(std::string_view(tail_).substr(begin, *end - begin), ids);
      begin = *end;
    }
    tail_.erase(0, begin);
  }

  void encode_pretoken(std::string_view pretoken, std::vector<TokenId>& ids) {
    if (pretoken.size() > PieceCache::key_bytes_max) {
      bytes_.encode(model_->pairs, pretoken, ids);
      return;
    }
    const PieceCache::Key key = PieceCache::key_of(pretoken);
    const std::span<const TokenId> known = cache_.find(key);
    if (!known.empty()) {
      ids.insert(ids.end(), known.begin(), known.end());
      return;
    }
    const std::size_t before = ids.size();
    bytes_.encode(model_->pairs, pretoken, ids);
    cache_.put(key, std::span(ids).subspan(before));
  }

  std::shared_ptr<const BpeModel> model_;
  Gpt2Pretokenizer pretokenizer_;
  PieceCache cache_;
  BytePairEncoder bytes_;
  std::string tail_;  // what no pre-token has taken yet
};

class BpeTokenizer final : public Tokenizer {
 public:
  explicit BpeTokenizer(std::shared_ptr<const BpeModel> model) : model_(std::move(model)) {}

  std::size_t vocabulary_size() const noexcept override { return model_->tokens.size(); }
  TokenId end_of_text() const noexcept override { return model_->end_of_text; }
  std::unique_ptr<Encoder> encoder() const override { return std::make_unique<BpeEncoder>(model_); }
  std::string to_json() const override { return bpe_to_json(*model_); }

  std::string_view bytes_of(TokenId id) const override { return model_->token(id); }
  std::string description() const override { return model_->name + ", " + std::to_string(vocabulary_size()) + " ids"; }

 private:
  std::shared_ptr<const BpeModel> model_;
};

}  // namespace

std::shared_ptr<const Tokenizer> make_bpe_tokenizer(std::shared_ptr<const BpeModel> model) {
  return std::make_shared<BpeTokenizer>(std::move(model));
}

}  // namespace io
