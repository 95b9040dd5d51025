// Reads a tokenizer.json of Hugging Face's `tokenizers`. Supported: byte-level BPE with GPT-2's split. An option that
// would change an id and is not supported is refused by name; so is one that we do not know.

#include <simdjson.h>

#include <algorithm>
#include <initializer_list>

#include "io/bpe_builder.hpp"
#include "io/bpe_tokenizer.hpp"
#include "io/byte_tokenizer.hpp"
#include "io/tokenizer.hpp"

namespace io {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

class Reader {
 public:
  Reader(const std::string& name, object root) : builder_(name), root_(root) {}

  std::shared_ptr<const Tokenizer> read() {
    check_steps();
    const object model = object_at(root_, "model", "model");
    check_model(model);
    add_special_tokens();
    add_tokens(model);
    const std::size_t merges_count = add_merges(model);
    // Without a split the whole document is one pre-token. That changes nothing where nothing merges.
    if (!splits_ && merges_count > 0) refuse("pre_tokenizer use_regex=false is not supported with merges");
    const std::shared_ptr<const BpeModel> made = builder_.build();
    return is_byte_tokenizer(*made) ? make_byte_tokenizer() : make_bpe_tokenizer(made);
  }

 private:
  [[noreturn]] void refuse(const std::string& reason) const { builder_.refuse(reason); }

  object object_at(object parent, const char* key, const std::string& name) const {
    object child;
    if (parent[key].get(child)) refuse("there is no " + name);
    return child;
  }

  /// Absent and null are the same everywhere in this format.
  static bool has(object parent, const char* key) {
    element value;
    return !parent[key].get(value) && !value.is_null();
  }

  static std::string type_of(object step) {
    std::string_view type;
    return step["type"].get(type) ? "without a type" : std::string(type);
  }

  void only_known(object parent, const std::string& name, std::initializer_list<std::string_view> known) const {
    for (const auto& [key, value] : parent) {
      if (!value.is_null() && std::find(known.begin(), known.end(), key) == known.end())
        refuse(name + "option " + std::string(key) + " is not supported");
    }
  }

  void must_be_absent(object parent, const char* key) const {
    if (!has(parent, key)) return;
    object step;
    refuse(std::string(key) + (parent[key].get(step) ? "" : " " + type_of(step)) + " is not supported");
  }

  void must_be_byte_level(const char* key) const {
    if (!has(root_, key)) return;
    const std::string type = type_of(object_at(root_, key, key));
    if (type != "ByteLevel") refuse(std::string(key) + " " + type + " is not supported (ByteLevel is)");
  }

  void check_steps() {
    only_known(root_, "",
               {"version", "added_tokens", "pre_tokenizer", "post_processor", "decoder", "model", "truncation",
                "padding", "normalizer"});
    for (const char* key : {"truncation", "padding", "normalizer"}) must_be_absent(root_, key);
    // ByteLevel as a post-processor only moves offsets; as a decoder it is what decode does.
    for (const char* key : {"pre_tokenizer", "post_processor", "decoder"}) must_be_byte_level(key);
    const object split = object_at(root_, "pre_tokenizer", "pre_tokenizer (ByteLevel is supported)");
    only_known(split, "pre_tokenizer ", {"type", "add_prefix_space", "trim_offsets", "use_regex"});
    bool adds_space = true;
    if (split["add_prefix_space"].get(adds_space) || adds_space)
      refuse("pre_tokenizer add_prefix_space=true is not supported (false is)");
    if (has(split, "use_regex") && split["use_regex"].get(splits_)) refuse("pre_tokenizer use_regex is not a boolean");
  }

  void check_model(object model) const {
    std::string_view type = "BPE";  // what older files leave out
    if (has(model, "type") && model["type"].get(type)) refuse("the model's type is not a text");
    if (type != "BPE") refuse("model " + std::string(type) + " is not supported (BPE is)");
    // Tokens for the unknown never occur: every byte has a token, or building refuses.
    only_known(model, "model ",
               {"type", "vocab", "merges", "unk_token", "fuse_unk", "dropout", "byte_fallback", "ignore_merges",
                "continuing_subword_prefix", "end_of_word_suffix"});
    for (const char* key : {"byte_fallback", "ignore_merges"}) {
      bool set = false;
      if (has(model, key) && (model[key].get(set) || set)) refuse("model " + std::string(key) + " is not supported");
    }
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      std::string_view text;
      if (has(model, key) && (model[key].get(text) || !text.empty()))
        refuse("model " + std::string(key) + " is not supported");
    }
    double dropout = 0;
    if (has(model, "dropout") && (model["dropout"].get(dropout) || dropout != 0))
      refuse("model dropout is not supported");
  }

  void add_special_tokens() {
    if (!has(root_, "added_tokens")) return;
    simdjson::dom::array tokens;
    if (root_["added_tokens"].get(tokens)) refuse("added_tokens is not an array");
    for (const element token : tokens) {
      std::string_view content;
      std::int64_t id = 0;
      bool special = false;
      if (token["content"].get(content) || token["id"].get(id)) refuse("an added token has no content or no id");
      // Others are found in a document's text too, before anything is split.
      if (token["special"].get(special) || !special)
        refuse("the added token \"" + std::string(content) + "\" is not special, which is not supported");
      builder_.add_special_token(content, id);
    }
  }

  void add_tokens(object model) {
    for (const auto& [token, value] : object_at(model, "vocab", "vocab in the model")) {
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
  bool splits_ = true;
};

}  // namespace

std::shared_ptr<const Tokenizer> tokenizer_from_json(std::string_view json, const std::string& name) {
  simdjson::dom::parser parser;
  element document;
  object root;
  if (const auto error = parser.parse(json.data(), json.size()).get(document))
    BpeBuilder(name).refuse(std::string("is not JSON: ") + simdjson::error_message(error));
  if (document.get(root)) BpeBuilder(name).refuse("is not a tokenizer.json: it holds no object");
  return Reader(name, root).read();
}

}  // namespace io
