#include "io/bpe_model.hpp"

#include "io/error.hpp"

namespace io {

const std::string& BpeModel::token(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= tokens.size())
    throw TokenizerError(name + ": the token id " + std::to_string(id) + " is not one of 0 to " +
                         std::to_string(tokens.size() - 1));
  return tokens[static_cast<std::size_t>(id)];
}

}  // namespace io
