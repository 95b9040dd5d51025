#pragma once

// Tokens that are found in a text as they stand, before anything is normalized, split or merged. Where two begin at the
// same place the longer one is taken, as in Hugging Face's `tokenizers`; what stands between them are texts of their
// own. Special ones are text like any other unless the caller allows them.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer.hpp"

namespace io {

struct AddedToken {
  std::string text;
  TokenId id = -1;
  bool special = true;
  bool normalized = false;  // is found in the normalized text
  bool strips = false;      // takes white space beside it, or stands alone only: found by nobody here
};

/// Finds the tokens of a set. Immutable: shared by all encoders.
class AddedTokenFinder {
 public:
  /// `takes_special`: special tokens are found too; else they are passed over as text.
  AddedTokenFinder(std::vector<AddedToken> tokens, bool takes_special);

  struct Found {
    enum class Kind : std::uint8_t {
      token,  // from begin to end
      none,   // none begins in this text
      open,   // none begins before `begin`; what begins there depends on text to come
    };
    Kind kind;
    std::size_t begin = 0;
    std::size_t end = 0;
    TokenId id = -1;
  };
  /// The first token at or behind `from`; never `open` where the text is `complete`.   Cost: linear in what is passed,
  /// times the length of the longest token where text looks like one.
  Found find(std::string_view text, std::size_t from, bool complete) const noexcept;

  /// False where no text is cut.
  bool takes_any() const noexcept { return takes_any_; }
  /// Whether a text that begins behind a token passed over is read as the same text is within the whole.
  bool is_local() const noexcept { return is_local_; }

 private:
  struct Match {
    bool open = false;
    const AddedToken* token = nullptr;
  };
  Match match_at(std::string_view text, bool complete) const noexcept;

  std::vector<AddedToken> tokens_;  // by text
  bool begins_[256] = {};
  bool takes_special_;
  bool takes_any_ = false;
  bool is_local_ = true;
};

/// Gives the tokens found and lets `between` encode what stands between them.
std::unique_ptr<Encoder> added_token_encoder(std::shared_ptr<const AddedTokenFinder> finder,
                                             std::unique_ptr<Encoder> between);

}  // namespace io
