#include "io/bpe_tokenizer.hpp"

#include <algorithm>
#include <span>

#include "io/error.hpp"
#include "io/nfc.hpp"
#include "io/pretoken_encoder.hpp"
#include "io/pretoken_stream.hpp"
#include "io/tokenizer_json.hpp"

namespace io {
namespace {

using BpeParts = PretokenEncoder::Shared;

class BpeEncoder final : public Encoder {
 public:
  explicit BpeEncoder(std::shared_ptr<const BpeParts> parts)
      : stream_(parts->model->pattern), pretokens_(std::move(parts)) {}

  void encode(std::string_view piece, std::vector<TokenId>& ids) override {
    stream_.feed(piece, Into{pretokens_, ids});
  }
  void finish(std::vector<TokenId>& ids) override { stream_.finish(Into{pretokens_, ids}); }

  // Splitting looks at nothing that comes before a pre-token.
  std::optional<std::size_t> held_bytes() const noexcept override { return stream_.held_bytes(); }

 private:
  struct Into {
    PretokenEncoder& pretokens;
    std::vector<TokenId>& ids;

    void operator()(std::string_view text, std::span<const std::uint32_t> ends) const {
      pretokens.encode(text, ends, ids);
    }
  };

  PretokenStream stream_;
  PretokenEncoder pretokens_;
};

/// For a split that has no scanner of its own: pre-tokens one after another.
class StepsEncoder final : public Encoder {
 public:
  explicit StepsEncoder(std::shared_ptr<const BpeParts> parts)
      : parts_(std::move(parts)), splitter_(split_sequence(parts_->model->split_steps)), pretokens_(parts_) {}

  void encode(std::string_view piece, std::vector<TokenId>& ids) override {
    tail_ += piece;
    encode_decided(false, ids);
  }

  void finish(std::vector<TokenId>& ids) override {
    encode_decided(true, ids);
    if (tail_.capacity() > tail_bytes_max) tail_ = {};
  }

 private:
  static constexpr std::size_t tail_bytes_max = 256 << 10;

  void encode_decided(bool complete, std::vector<TokenId>& ids) {
    std::size_t taken = 0;  // by the encoder
    std::size_t at = 0;
    ends_.clear();
    const auto give = [&] {
      if (!ends_.empty()) pretokens_.encode(std::string_view(tail_).substr(taken), ends_, ids);
      ends_.clear();
      taken = at;
    };
    while (at < tail_.size()) {
      const std::optional<std::size_t> end = splitter_->pretoken_end(tail_, at, complete);
      if (!end) break;
      if (splitter_->removed()) {
        give();
        taken = *end;
      } else {
        ends_.push_back(static_cast<std::uint32_t>(*end - taken));
      }
      at = *end;
      if (at - taken > tail_bytes_max) give();
    }
    give();
    tail_.erase(0, at);
  }

  std::shared_ptr<const BpeParts> parts_;
  std::unique_ptr<Splitter> splitter_;
  PretokenEncoder pretokens_;
  std::vector<std::uint32_t> ends_;
  std::string tail_;  // what no pre-token has taken yet
};

class BpeTokenizer final : public Tokenizer {
 public:
  explicit BpeTokenizer(std::shared_ptr<const BpeModel> model)
      : parts_(std::make_shared<BpeParts>(std::move(model))), model_(*parts_->model) {}

  std::size_t vocabulary_size() const noexcept override { return model_.tokens.size(); }
  TokenId end_of_text() const noexcept override { return model_.end_of_text; }
  std::unique_ptr<Encoder> encoder() const override { return encoder_of(false); }
  std::unique_ptr<Encoder> encoder_of_special_tokens() const override { return encoder_of(true); }
  std::string to_json() const override { return model_.json.empty() ? bpe_to_json(model_) : model_.json; }
  const BpeModel* bpe() const noexcept override { return &model_; }

  std::string_view bytes_of(TokenId id) const override { return model_.token(id); }
  std::string description() const override { return model_.name + ", " + std::to_string(vocabulary_size()) + " ids"; }
  std::vector<std::pair<std::string, std::string>> parts() const override { return bpe_parts(model_); }
  std::vector<Added> added_tokens() const override {
    std::vector<Added> tokens;
    for (const AddedToken& token : model_.added_tokens) tokens.push_back({token.text, token.id, token.special});
    return tokens;
  }

 private:
  struct Finders {
    std::shared_ptr<const AddedTokenFinder> raw, normalized;
  };

  Finders finders(bool takes_special) const {
    std::vector<AddedToken> raw, normalized;
    for (const AddedToken& token : model_.added_tokens) {
      if (takes_special && token.strips)
        throw TokenizerError(model_.name + ": the special token " + token.text +
                             " takes white space or stands alone, which is not supported");
      (token.normalized ? normalized : raw).push_back(token);
    }
    return {std::make_shared<const AddedTokenFinder>(std::move(raw), takes_special),
            std::make_shared<const AddedTokenFinder>(std::move(normalized), takes_special)};
  }

  std::unique_ptr<Encoder> encoder_of(bool takes_special) const {
    const Finders with_special = takes_special ? finders(true) : Finders();
    const Finders& found = takes_special ? with_special : text_finders_;
    std::unique_ptr<Encoder> encoder;
    if (model_.pattern == SplitPattern::none)
      encoder = std::make_unique<StepsEncoder>(parts_);
    else
      encoder = std::make_unique<BpeEncoder>(parts_);
    if (found.normalized->takes_any()) encoder = added_token_encoder(found.normalized, std::move(encoder));
    if (model_.nfc) encoder = nfc_encoder(std::move(encoder));
    if (found.raw->takes_any()) encoder = added_token_encoder(found.raw, std::move(encoder));
    return encoder;
  }

  std::shared_ptr<const BpeParts> parts_;
  const BpeModel& model_;
  Finders text_finders_ = finders(false);
};

}  // namespace

std::shared_ptr<const Tokenizer> make_bpe_tokenizer(std::shared_ptr<const BpeModel> model) {
  return std::make_shared<BpeTokenizer>(std::move(model));
}

}  // namespace io
