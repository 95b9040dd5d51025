#include "io/pre_tokenizer_json.hpp"

#include <optional>
#include <stdexcept>
#include <string_view>

#include "io/json_options.hpp"
#include "io/split_patterns.hpp"

namespace io {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

[[noreturn]] void refuse(const std::string& reason) {
  throw std::invalid_argument("pre_tokenizer " + reason);
}

std::optional<SplitBehavior> behavior_named(std::string_view name) {
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  return std::nullopt;
}

class Reader {
 public:
  PreTokenizer read(object json) {
    add(json);
    if (!byte_level_) refuse("without ByteLevel is not supported");
    if (published_ && made_.steps.size() == 1) {
      made_.pattern = *published_;
      made_.steps.clear();
      made_.text.clear();
    }
    return std::move(made_);
  }

 private:
  void add(object json) {
    if (byte_level_) refuse(type_of_step(json) + " after ByteLevel is not supported");
    const std::string type = type_of_step(json);
    if (type == "Sequence") return add_sequence(json);
    if (type == "ByteLevel") return add_byte_level(json);
    if (type == "Split") return add_split(json);
    if (type == "Digits") return add_digits(json);
    if (type == "Punctuation") return add_punctuation(json);
    refuse(type + " is not supported (ByteLevel is, and Split, Digits, Punctuation before it)");
  }

  void add_sequence(object json) {
    only_known_options(json, "pre_tokenizer Sequence ", {"type", "pretokenizers"});
    simdjson::dom::array steps;
    if (json["pretokenizers"].get(steps)) refuse("Sequence has no array of pretokenizers");
    for (const element step : steps) {
      object parts;
      if (step.get(parts)) refuse("Sequence holds what is no pre-tokenizer");
      add(parts);
    }
  }

  void add_byte_level(object json) {
    only_known_options(json, "pre_tokenizer ", {"type", "add_prefix_space", "trim_offsets", "use_regex"});
    if (bool_option(json, "add_prefix_space", "pre_tokenizer ", true))
      refuse("add_prefix_space=true is not supported (false is)");
    if (bool_option(json, "use_regex", "pre_tokenizer ", true))
      add_regex(std::string(text_of(SplitPattern::gpt2)), SplitBehavior::isolated, false, "ByteLevel");
    byte_level_ = true;
  }

  void add_split(object json) {
    only_known_options(json, "pre_tokenizer Split ", {"type", "pattern", "behavior", "invert"});
    const object pattern = object_option(json, "pattern", "pattern in pre_tokenizer Split");
    only_known_options(pattern, "pre_tokenizer Split pattern ", {"Regex", "String"});
    const bool is_regex = has_option(pattern, "Regex");
    const std::string text = text_option(pattern, is_regex ? "Regex" : "String", "pre_tokenizer Split pattern ");
    if (text.empty()) refuse("Split has an empty pattern");
    const bool invert = bool_option(json, "invert", "pre_tokenizer Split ", false);
    const SplitBehavior behavior = behavior_of(json, "Split", "");
    if (is_regex)
      add_regex(text, behavior, invert, "Split " + text);
    else
      add_step(regex_matchers(literal_pattern(text), RegexDialect::oniguruma), behavior, invert,
               "Split \"" + text + '"');
  }

  void add_digits(object json) {
    only_known_options(json, "pre_tokenizer Digits ", {"type", "individual_digits"});
    const bool each = bool_option(json, "individual_digits", "pre_tokenizer Digits ", false);
    add_step(number_matchers(), each ? SplitBehavior::isolated : SplitBehavior::contiguous, false,
             each ? "Digits, each" : "Digits");
  }

  void add_punctuation(object json) {
    only_known_options(json, "pre_tokenizer Punctuation ", {"type", "behavior"});
    add_step(regex_matchers(R"([\p{P}$+<=>^`|~])", RegexDialect::oniguruma),
             behavior_of(json, "Punctuation", "Isolated"), false, "Punctuation");
  }

  static SplitBehavior behavior_of(object json, const std::string& step, const std::string& otherwise) {
    std::string name = text_option(json, "behavior", "pre_tokenizer " + step + " ");
    if (name.empty()) name = otherwise;
    const std::optional<SplitBehavior> behavior = behavior_named(name);
    if (!behavior) refuse(step + " behavior \"" + name + "\" is not supported");
    return *behavior;
  }

  void add_regex(const std::string& regex, SplitBehavior behavior, bool invert, const std::string& text) {
    // The published patterns match everything: what is between matches is empty.
    const bool gives_matches =
        (behavior == SplitBehavior::isolated && !invert) || (behavior == SplitBehavior::removed && invert);
    if (gives_matches && made_.steps.empty()) published_ = split_pattern_written(regex);
    std::shared_ptr<const SplitMatcherFactory> matchers;
    try {
      matchers = regex_matchers(regex, RegexDialect::oniguruma);
    } catch (const std::invalid_argument& error) {
      refuse("Split: the regular expression " + regex + " is not supported: " + error.what());
    }
    add_step(std::move(matchers), behavior, invert, text);
  }

  void add_step(std::shared_ptr<const SplitMatcherFactory> matchers, SplitBehavior behavior, bool invert,
                const std::string& text) {
    made_.steps.push_back({std::move(matchers), behavior, invert});
    made_.text += (made_.text.empty() ? "" : "; ") + text;
  }

  PreTokenizer made_;
  std::optional<SplitPattern> published_;  // of the first step
  bool byte_level_ = false;
};

}  // namespace

PreTokenizer read_pre_tokenizer(object json) {
  return Reader().read(json);
}

}  // namespace io
