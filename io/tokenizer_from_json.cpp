// Reads a tokenizer.json of Hugging Face's `tokenizers`: byte-level BPE, its text in normal form C where the file says
// so, split as io/pre_tokenizer_json.hpp reads it. An option that would change an id and is not supported is refused by
// name; so is one that we do not know.

#include <simdjson.h>

#include <algorithm>
#include <stdexcept>

#include "io/bpe_builder.hpp"
#include "io/bpe_tokenizer.hpp"
#include "io/byte_tokenizer.hpp"
#include "io/json_options.hpp"
#include "io/nfc.hpp"
#include "io/pre_tokenizer_json.hpp"
#include "io/tokenizer.hpp"

namespace io {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

class Reader {
 public:
  Reader(const std::string& name, object root, std::string_view text) : builder_(name), root_(root), text_(text) {}

  std::shared_ptr<const Tokenizer> read() try {
    check_steps();
    PreTokenizer split =
        read_pre_tokenizer(object_option(root_, "pre_tokenizer", "pre_tokenizer (ByteLevel is supported)"));
    const object model = object_option(root_, "model", "model");
    check_model(model);
    BpeModel& made = builder_.model();
    made.nfc = normalizes();
    add_added_tokens(made.nfc);
    add_tokens(model);
    const std::size_t merges_count = add_merges(model);
    const bool splits = split.pattern != SplitPattern::none || !split.steps.empty();
    // Without a split the whole document is one pre-token. That changes nothing where nothing merges.
    if (!splits && merges_count > 0)
      refuse("pre_tokenizer use_regex=false is not supported with merges and without a Split");
    made.pattern = splits ? split.pattern : SplitPattern::gpt2;
    made.split_steps = std::move(split.steps);
    made.split_text = std::move(split.text);
    made.whole_tokens_first = bool_option(model, "ignore_merges", "model ", false);
    made.json = text_;
    const std::shared_ptr<const BpeModel> whole = builder_.build();
    return is_byte_tokenizer(*whole) ? make_byte_tokenizer() : make_bpe_tokenizer(whole);
  } catch (const std::invalid_argument& error) {
    builder_.refuse(error.what());
  }

 private:
  [[noreturn]] static void refuse(const std::string& reason) { throw std::invalid_argument(reason); }

  void must_be_absent(const char* key) const {
    if (!has_option(root_, key)) return;
    object step;
    refuse(std::string(key) + (root_[key].get(step) ? "" : " " + type_of_step(step)) + " is not supported");
  }

  void check_steps() const {
    only_known_options(root_, "",
                       {"version", "added_tokens", "pre_tokenizer", "post_processor", "decoder", "model", "truncation",
                        "padding", "normalizer"});
    for (const char* key : {"truncation", "padding"}) must_be_absent(key);
    if (has_option(root_, "post_processor"))
      check_post_processor(object_option(root_, "post_processor", "post_processor"));
    if (!has_option(root_, "decoder")) return;
    const std::string decoder = type_of_step(object_option(root_, "decoder", "decoder"));
    if (decoder != "ByteLevel") refuse("decoder " + decoder + " is not supported (ByteLevel is)");
  }

  /// ByteLevel only moves offsets; a template adds special tokens around what `encode` gives, which adds none.
  static void check_post_processor(object step) {
    const std::string type = type_of_step(step);
    if (type == "ByteLevel" || type == "TemplateProcessing") return;
    if (type != "Sequence")
      refuse("post_processor " + type + " is not supported (ByteLevel and TemplateProcessing are)");
    simdjson::dom::array steps;
    if (step["processors"].get(steps)) refuse("post_processor Sequence has no array of processors");
    for (const element one : steps) {
      object parts;
      if (one.get(parts)) refuse("post_processor Sequence holds what is no post-processor");
      check_post_processor(parts);
    }
  }

  /// Whether text is brought to normal form C.
  bool normalizes() const {
    if (!has_option(root_, "normalizer")) return false;
    object step;
    if (root_["normalizer"].get(step)) refuse("normalizer is not supported");
    return is_nfc(step);
  }

  static bool is_nfc(object step) {
    const std::string type = type_of_step(step);
    if (type == "NFC") return true;
    if (type != "Sequence") refuse("normalizer " + type + " is not supported (NFC is)");
    simdjson::dom::array steps;
    if (step["normalizers"].get(steps)) refuse("normalizer Sequence has no array of normalizers");
    bool nfc = false;
    for (const element one : steps) {
      object parts;
      if (one.get(parts)) refuse("normalizer Sequence holds what is no normalizer");
      nfc = is_nfc(parts) || nfc;
    }
    return nfc;
  }

  void check_model(object model) const {
    std::string_view type = "BPE";  // what older files leave out
    if (has_option(model, "type") && model["type"].get(type)) refuse("the model's type is not a text");
    if (type != "BPE") refuse("model " + std::string(type) + " is not supported (BPE is)");
    // Tokens for the unknown never occur: every byte has a token, or building refuses.
    only_known_options(model, "model ",
                       {"type", "vocab", "merges", "unk_token", "fuse_unk", "dropout", "byte_fallback", "ignore_merges",
                        "continuing_subword_prefix", "end_of_word_suffix"});
    if (bool_option(model, "byte_fallback", "model ", false)) refuse("model byte_fallback is not supported");
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
      if (!text_option(model, key, "model ").empty()) refuse("model " + std::string(key) + " is not supported");
    double dropout = 0;
    if (has_option(model, "dropout") && (model["dropout"].get(dropout) || dropout != 0))
      refuse("model dropout is not supported");
  }

  void add_added_tokens(bool normalizes) {
    if (!has_option(root_, "added_tokens")) return;
    simdjson::dom::array tokens;
    if (root_["added_tokens"].get(tokens)) refuse("added_tokens is not an array");
    for (const element token : tokens) {
      object options;
      std::string_view content;
      AddedToken added;
      std::int64_t id = 0;
      if (token.get(options) || options["content"].get(content) || options["id"].get(id))
        refuse("an added token has no content or no id");
      const std::string name = "the added token \"" + std::string(content) + "\": ";
      only_known_options(options, name, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
      added.special = bool_option(options, "special", name, false);
      added.normalized = bool_option(options, "normalized", name, !added.special);
      for (const char* const key : {"single_word", "lstrip", "rstrip"}) {
        if (!bool_option(options, key, name, false)) continue;
        if (!added.special) refuse(name + key + "=true is not supported");
        added.strips = true;
      }
      if (added.normalized && normalizes) {
        NfcNormalizer normalizer;
        normalizer.normalize(content, added.text);
        normalizer.finish(added.text);
      } else {
        added.text = content;
      }
      builder_.add_special_token(content, id, added.special);
      added.id = static_cast<TokenId>(id);
      builder_.model().added_tokens.push_back(std::move(added));
    }
  }

  void add_tokens(object model) {
    for (const auto& [token, value] : object_option(model, "vocab", "vocab in the model")) {
      std::int64_t id = 0;
      if (value.get(id)) refuse("the id of the token \"" + std::string(token) + "\" is not an integer");
      builder_.add_token(token, id);
    }
  }

  /// Merges are texts "left right" or, since version 0.20, arrays of two.
  std::size_t add_merges(object model) {
    simdjson::dom::array merges;
    if (model["merges"].get(merges)) refuse("there is no array of merges in the model");
    std::size_t count = 0;
    for (const element merge : merges) {
      const std::string where = "merge " + std::to_string(++count);
      std::string_view text, left, right;
      simdjson::dom::array pair;
      if (!merge.get(text)) {
        builder_.add_merge(text, where);
      } else if (!merge.get(pair) && pair.size() == 2 && !pair.at(0).get(left) && !pair.at(1).get(right)) {
        builder_.add_merge(left, right, where);
      } else {
        refuse(where + ": neither a text nor two");
      }
    }
    return count;
  }

  BpeBuilder builder_;
  object root_;
  std::string_view text_;
};

}  // namespace

std::shared_ptr<const Tokenizer> tokenizer_from_json(std::string_view json, const std::string& name) {
  simdjson::dom::parser parser;
  element document;
  object root;
  if (const auto error = parser.parse(json.data(), json.size()).get(document))
    BpeBuilder(name).refuse(std::string("is not JSON: ") + simdjson::error_message(error));
  if (document.get(root)) BpeBuilder(name).refuse("is not a tokenizer.json: it holds no object");
  return Reader(name, root, json).read();
}

}  // namespace io
