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

  /// A token whose text stands for itself and that no merge makes. With `always` false it may stand in the vocabulary
  /// too, and merges may make it then.
  void add_special_token(std::string_view text, std::int64_t id, bool always = true);
  /// A token in the byte-level alphabet (io/byte_level.hpp), or a special token once more under the same id.
  void add_token(std::string_view text, std::int64_t id);
  /// The next merge in rank; `where` says where it stands, e.g. "line 7".
  void add_merge(std::string_view left, std::string_view right, const std::string& where);
  /// The same from "left right", the form of merges.txt.
  void add_merge(std::string_view left_and_right, const std::string& where);

  /// For what else a model has: its split, its added tokens.
  BpeModel& model() noexcept { return *model_; }

  /// Checks that no two tokens share an id, that every byte has a token and that there is an end of text.
  std::shared_ptr<const BpeModel> build();

  [[noreturn]] void refuse(const std::string& reason) const;

 private:
  struct Token {
    TokenId id;
    bool special;
    std::string bytes;
    bool may_be_ordinary = false;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  void add(std::string_view text, std::int64_t id, bool special, std::string bytes);
  const Token& token_of_merge(std::string_view text, const std::string& where) const;
  void place_tokens();
  void find_end_of_text();
  void list_special_tokens();
  void find_bytes();
  void index_merges();

  std::string name_;
  std::unordered_map<std::string, Token, Hash, std::equal_to<>> tokens_;
  std::vector<std::string> merge_places_;
  std::shared_ptr<BpeModel> model_ = std::make_shared<BpeModel>();
};

}  // namespace io
