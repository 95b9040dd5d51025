#pragma once

// Puts a BpeModel together from the texts that tokenizer.json, vocab.json and merges.txt hold, and refuses what does
// not fit together. Order: special tokens, then tokens, then merges, then build().

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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
    TokenId id = -1;
    bool special = false;
    bool may_be_ordinary = false;
    std::string_view text;
    std::string bytes;
  };

  Token* find(std::string_view text) noexcept;
  void add(std::string_view text, std::int64_t id, bool special, std::string bytes);
  void make_room();
  void put(std::uint32_t place);
  std::string_view keep(std::string_view text);
  const Token& token_of_merge(std::string_view text, const std::string& where);
  void place_tokens();
  void find_end_of_text();
  void list_special_tokens();
  void find_bytes();
  void index_merges();

  /// Of a token in `tokens_`, which a hash table with open addressing finds by its text.
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t place = 0;  // + 1; 0: none
  };

  std::string name_;
  std::vector<Token> tokens_;                   // in the order in which they came
  std::vector<std::unique_ptr<char[]>> texts_;  // theirs
  char* text_end_ = nullptr;                    // in the last one
  std::size_t text_bytes_left_ = 0;
  std::vector<Slot> slots_ = std::vector<Slot>(1024);
  std::string merged_;  // of a merge
  std::vector<std::string> merge_places_;
  std::shared_ptr<BpeModel> model_ = std::make_shared<BpeModel>();
};

}  // namespace io
