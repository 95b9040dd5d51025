#pragma once

// Text to token ids and back. A Tokenizer is immutable and shared by all threads; what a document needs while it
// arrives in pieces lives in an Encoder, one per document stream.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace io {

using TokenId = std::int32_t;

struct BpeModel;  // io/bpe_model.hpp

/// Encodes one document that arrives in pieces. The ids do not depend on where the pieces are cut.
/// Special tokens written in the text are plain text. Any bytes are accepted.
class Encoder {
 public:
  virtual ~Encoder() = default;
  /// Appends to `ids` what `piece` completes; the rest is kept until more comes.
  virtual void encode(std::string_view piece, std::vector<TokenId>& ids) = 0;
  /// Ends the document: appends what was kept. The encoder is then ready for the next document.
  virtual void finish(std::vector<TokenId>& ids) = 0;
  /// How many of the last bytes given no id stands for yet: a fresh encoder that begins with them gives the same ids
  /// from there on. Nothing where that cannot be said.
  virtual std::optional<std::size_t> held_bytes() const noexcept { return std::nullopt; }
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  /// Number of ids, special tokens included: every id is below it.
  virtual std::size_t vocabulary_size() const noexcept = 0;
  /// The token that ends a document, "<|endoftext|>".
  virtual TokenId end_of_text() const noexcept = 0;
  virtual std::unique_ptr<Encoder> encoder() const = 0;
  /// The same, but special tokens written in the text become these tokens.
  ///   Throws TokenizerError where one of them is looked for in a way that is not supported.
  virtual std::unique_ptr<Encoder> encoder_of_special_tokens() const { return encoder(); }
  /// The bytes of one id. Special tokens give their text; an id that no token has gives none. Throws TokenizerError for
  /// an id out of range.
  virtual std::string_view bytes_of(TokenId id) const = 0;
  /// The tokenizer in Hugging Face's tokenizer.json form.
  virtual std::string to_json() const = 0;
  /// What a byte-level BPE is made of; nullptr for a tokenizer that is none. Lives as long as the tokenizer.
  virtual const BpeModel* bpe() const noexcept { return nullptr; }
  /// In one line for people, e.g. "gpt2, 50257 ids".
  virtual std::string description() const = 0;
  /// What it is made of, for people: "kind", "split", ...
  virtual std::vector<std::pair<std::string, std::string>> parts() const { return {}; }
  /// The tokens found in a text as they stand: text, id, and whether only where special tokens are.
  struct Added {
    std::string text;
    TokenId id;
    bool special;
  };
  virtual std::vector<Added> added_tokens() const { return {}; }

  /// A whole document at once.
  std::vector<TokenId> encode(std::string_view text) const;
  std::string decode(std::span<const TokenId> ids) const;
};

/// Loads what `--tokenizer` names: "bytes", "gpt2" (built in), a *.tiktoken file, a tokenizer.json, or a folder with
/// vocab.json and merges.txt or a tokenizer.json. Reads files by blocking calls: before a run begins.
/// `pattern`: the name of the split pattern of a *.tiktoken file whose ranks are not known (io/split_patterns.hpp).
///   Throws TokenizerError, its text one line that names the file and what is wrong.
std::shared_ptr<const Tokenizer> load_tokenizer(const std::string& name, const std::string& pattern = "");

/// The same from the contents of a tokenizer.json; `name` is used in errors.
std::shared_ptr<const Tokenizer> tokenizer_from_json(std::string_view json, const std::string& name);

}  // namespace io
