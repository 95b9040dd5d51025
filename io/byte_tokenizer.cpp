#include "io/byte_tokenizer.hpp"

#include "io/tokenizer_json.hpp"

namespace io {
namespace {

constexpr TokenId end_of_text_id = 256;

class ByteEncoder final : public Encoder {
 public:
  void encode(std::string_view piece, std::vector<TokenId>& ids) override {
    const auto* bytes = reinterpret_cast<const unsigned char*>(piece.data());
    ids.insert(ids.end(), bytes, bytes + piece.size());
  }
  void finish(std::vector<TokenId>&) override {}
  std::optional<std::size_t> held_bytes() const noexcept override { return 0; }
};

/// The model in the terms of BPE.
BpeModel byte_model() {
  BpeModel model;
  model.name = "bytes";
  for (int byte = 0; byte < 256; ++byte) model.tokens.emplace_back(1, static_cast<char>(byte));
  model.tokens.emplace_back(end_of_text_text);
  model.special_tokens = {end_of_text_id};
  model.added_tokens = {{.text = std::string(end_of_text_text), .id = end_of_text_id}};
  model.end_of_text = end_of_text_id;
  return model;
}

class ByteTokenizer final : public Tokenizer {
 public:
  std::size_t vocabulary_size() const noexcept override { return model_.tokens.size(); }
  TokenId end_of_text() const noexcept override { return end_of_text_id; }
  std::unique_ptr<Encoder> encoder() const override { return std::make_unique<ByteEncoder>(); }
  std::unique_ptr<Encoder> encoder_of_special_tokens() const override {
    return added_token_encoder(end_of_text_finder_, encoder());
  }
  std::string_view bytes_of(TokenId id) const override { return model_.token(id); }
  std::string to_json() const override { return bytes_to_json(model_); }
  const BpeModel* bpe() const noexcept override { return &model_; }
  std::string description() const override { return "bytes, " + std::to_string(vocabulary_size()) + " ids"; }

  std::vector<std::pair<std::string, std::string>> parts() const override { return {{"kind", "each byte is a token"}}; }
  std::vector<Added> added_tokens() const override { return {{std::string(end_of_text_text), end_of_text_id, true}}; }

 private:
  BpeModel model_ = byte_model();
  std::shared_ptr<const AddedTokenFinder> end_of_text_finder_ =
      std::make_shared<const AddedTokenFinder>(model_.added_tokens, true);
};

}  // namespace

std::shared_ptr<const Tokenizer> make_byte_tokenizer() {
  return std::make_shared<ByteTokenizer>();
}

bool is_byte_tokenizer(const BpeModel& model) {
  const BpeModel bytes = byte_model();
  return model.merges.empty() && model.tokens == bytes.tokens && model.special_tokens == bytes.special_tokens;
}

}  // namespace io
