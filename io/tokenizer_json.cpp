#include "io/tokenizer_json.hpp"

#include <algorithm>

#include "io/byte_level.hpp"
#include "io/json_string.hpp"
#include "io/split_patterns.hpp"

namespace io {
namespace {

bool is_special(const BpeModel& model, std::size_t id) {
  return std::binary_search(model.special_tokens.begin(), model.special_tokens.end(), static_cast<TokenId>(id));
}

std::string added_tokens(const BpeModel& model) {
  std::string json;
  for (const TokenId id : model.special_tokens) {
    json += json.empty() ? "\n" : ",\n";
    json += "    {\"id\": " + std::to_string(id) + ", \"content\": ";
    append_json_string(json, model.tokens[static_cast<std::size_t>(id)]);
    json += ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}";
  }
  return json;
}

std::string vocabulary(const BpeModel& model, bool with_special_tokens) {
  std::string json;
  for (std::size_t id = 0; id < model.tokens.size(); ++id) {
    const bool special = is_special(model, id);
    if ((special && !with_special_tokens) || model.tokens[id].empty()) continue;
    json += json.empty() ? "\n      " : ",\n      ";
    append_json_string(json, special ? model.tokens[id] : byte_level_text(model.tokens[id]));
    json += ": " + std::to_string(id);
  }
  return json;
}

/// As "left right", the form that every version reads: no token has a space in the byte-level alphabet.
std::string merges(const BpeModel& model) {
  std::string json;
  for (const Merge& merge : model.merges) {
    json += json.empty() ? "\n      " : ",\n      ";
    append_json_string(json, byte_level_text(model.tokens[static_cast<std::size_t>(merge.left)]) + " " +
                                 byte_level_text(model.tokens[static_cast<std::size_t>(merge.right)]));
  }
  return json;
}

std::string byte_level(bool use_regex) {
  return std::string("{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": ") +
         (use_regex ? "true}" : "false}");
}

/// GPT-2's split is ByteLevel's own.
std::string pre_tokenizer(const BpeModel& model, bool splits) {
  if (!splits || model.pattern == SplitPattern::gpt2) return byte_level(splits);
  std::string json =
      "{\"type\": \"Sequence\", \"pretokenizers\": [\n    {\"type\": \"Split\", \"pattern\": {\"Regex\": ";
  append_json_string(json, text_of(model.pattern));
  return json + "}, \"behavior\": \"Isolated\", \"invert\": false},\n    " + byte_level(false) + "\n  ]}";
}

std::string to_json(const BpeModel& model, bool splits, bool special_tokens_in_vocabulary) {
  return "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [" +
         added_tokens(model) + "\n  ],\n  \"normalizer\": null,\n  \"pre_tokenizer\": " + pre_tokenizer(model, splits) +
         ",\n  \"post_processor\": null,\n  \"decoder\": " + byte_level(splits) +
         ",\n  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
         "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n    \"fuse_unk\": false,\n"
         "    \"byte_fallback\": false,\n" +
         (model.whole_tokens_first ? "    \"ignore_merges\": true,\n" : "") + "    \"vocab\": {" +
         vocabulary(model, special_tokens_in_vocabulary) + "\n    },\n    \"merges\": [" + merges(model) +
         "\n    ]\n  }\n}\n";
}

}  // namespace

std::string bpe_to_json(const BpeModel& model) {
  return to_json(model, true, true);
}

std::string bytes_to_json(const BpeModel& model) {
  return to_json(model, false, false);
}

}  // namespace io
