#include "io/tokenizer.hpp"

namespace io {

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  std::vector<TokenId> ids;
  const std::unique_ptr<Encoder> encoder = this->encoder();
  encoder->encode(text, ids);
  encoder->finish(ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string text;
  for (const TokenId id : ids) text += bytes_of(id);
  return text;
}

}  // namespace io
