#pragma once

// Puts a BpeModel together from the texts that tokenizer.json, vocab.json and merges.txt hold, and refuses what does
// not fit together. Order: special tokens, then tokens, then merges, then build().

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "io/bpe_model.hpp"

namespace io {

/// Every function throws TokenizerError, its text beginning with `name`, for what it is given.
class BpeBuilder {
 public:
  explicit BpeBuilder(std::string name);

  /// A token whose text stands for itself and that no text encodes to.
  void add_special_token(std::string_view text, std::int64_t id);
  /// A token in the byte-level alphabet (io/byte_level.hpp), or a special token once more under the same id.
  void add_token(std::string_view text, std::int64_t id);
  /// The next merge in rank; `where` says where it stands, e.g. "line 7".
  void add_merge(std::string_view left, std::string_view right, const std::string& where);
  /// The same from "left right", the form of merges.txt.
  void add_merge(std::string_view left_and_right, const std::string& where);

  /// Checks that the ids are 0 to N-1, that every byte has a token and that there is an end of text.
  std::shared_ptr<const BpeModel> build();

  [[noreturn]] void refuse(const std::string& reason) const;

 private:
  struct Token {
    TokenId id;
    bool special;
    std::string bytes;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  void add(std::string_view text, std::int64_t id, bool special, std::string bytes);
  const Token& token_of_merge(std::string_view text, const std::string& where) const;
  void place_tokens();
  void find_bytes();
  void index_merges();

  std::string name_;
  std::unordered_map<std::string, Token, Hash, std::equal_to<>> tokens_;
  std::vector<std::string> merge_places_;
  std::shared_ptr<BpeModel> model_ = std::make_shared<BpeModel>();
};

}  // namespace io
