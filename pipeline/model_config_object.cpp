#include "pipeline/model_config_object.hpp"

#include <fmt/format.h>

#include <utility>

#include "pipeline/checkpoint_error.hpp"
#include "pipeline/json.hpp"
#include "pipeline/model_config_keys.hpp"

namespace pipeline {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;

constexpr std::uint64_t dimension_max = 1u << 24;

/// As it stands in the file, its beginning where it is long.
std::string shown(const element& value) {
  constexpr std::size_t bytes_max = 40;
  std::string text = simdjson::minify(value);
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;  // no character is cut
  return text.substr(0, end) + "...";
}

/// null, and lists and objects without entries.
bool says_nothing(const element& value) {
  simdjson::dom::array list;
  simdjson::dom::object object;
  return value.is_null() || (value.get(list) == SUCCESS && list.size() == 0) ||
         (value.get(object) == SUCCESS && object.size() == 0);
}

bool is(const element& value, const Neutral& neutral) {
  bool flag = false;
  double number = 0;
  if (const bool* const wanted = std::get_if<bool>(&neutral)) return value.get(flag) == SUCCESS && flag == *wanted;
  return value.get(number) == SUCCESS && number == std::get<double>(neutral);
}

}  // namespace

ModelConfigObject::ModelConfigObject(simdjson::dom::object object, std::string name)
    : object_(object), name_(std::move(name)) {}

void ModelConfigObject::refuse(std::string_view key, std::string_view why) const {
  throw CheckpointError(fmt::format("{}: {} {}", name_, json_string(key), why));
}

std::optional<element> ModelConfigObject::find(std::string_view key) {
  asked_for_.emplace(key);
  element value;
  if (object_[key].get(value) != SUCCESS || value.is_null()) return {};
  return value;
}

bool ModelConfigObject::has(std::string_view key) {
  return find(key).has_value();
}

std::size_t ModelConfigObject::dimension(std::string_view key) {
  const std::optional<element> value = find(key);
  if (!value) refuse(key, "is missing");
  std::uint64_t number = 0;
  if (value->get(number) != SUCCESS || number == 0 || number > dimension_max)
    refuse(key, fmt::format("is {}, not a number from 1 to {}", shown(*value), dimension_max));
  return number;
}

std::size_t ModelConfigObject::dimension_or(std::string_view key, std::size_t otherwise) {
  return has(key) ? dimension(key) : otherwise;
}

std::size_t ModelConfigObject::dimension(std::string_view key, std::string_view other_name) {
  if (!has(other_name)) return dimension(key);
  const std::size_t value = dimension(other_name);
  if (has(key) && dimension(key) != value)
    refuse(other_name,
           fmt::format("is {}, and {}, another name of it, is {}", value, json_string(key), dimension(key)));
  return value;
}

bool ModelConfigObject::flag_or(std::string_view key, bool otherwise) {
  const std::optional<element> value = find(key);
  if (!value) return otherwise;
  bool flag = false;
  if (value->get(flag) != SUCCESS) refuse(key, fmt::format("is {}, neither true nor false", shown(*value)));
  return flag;
}

std::optional<double> ModelConfigObject::number(std::string_view key) {
  const std::optional<element> value = find(key);
  if (!value) return {};
  double number = 0;
  if (value->get(number) != SUCCESS || !(number > 0))
    refuse(key, fmt::format("is {}, not a number above zero", shown(*value)));
  return number;
}

double ModelConfigObject::required_number(std::string_view key) {
  const std::optional<double> value = number(key);
  if (!value) refuse(key, "is missing");
  return *value;
}

std::string ModelConfigObject::text(std::string_view key) {
  const std::optional<element> value = find(key);
  if (!value) refuse(key, "is missing");
  std::string_view text;
  if (value->get(text) != SUCCESS) refuse(key, fmt::format("is {}, not a string", shown(*value)));
  return std::string(text);
}

std::string ModelConfigObject::text_or(std::string_view key, std::string_view otherwise) {
  return has(key) ? text(key) : std::string(otherwise);
}

std::optional<ModelConfigObject> ModelConfigObject::object(std::string_view key) {
  const std::optional<element> value = find(key);
  if (!value) return {};
  simdjson::dom::object object;
  if (value->get(object) != SUCCESS) refuse(key, fmt::format("is {}, not an object", shown(*value)));
  return ModelConfigObject(object, fmt::format("{}: \"{}\"", name_, key));
}

void ModelConfigObject::require_flag(std::string_view key, bool wanted) {
  if (flag_or(key, wanted) != wanted) refuse(key, fmt::format("is {}, and only {} is supported yet", !wanted, wanted));
}

void ModelConfigObject::require_absent(std::string_view key) {
  if (has(key)) refuse(key, "is set, which is not supported yet");
}

void ModelConfigObject::require_all(std::string_view key, std::string_view wanted) {
  const std::optional<element> value = find(key);
  if (!value) return;
  simdjson::dom::array list;
  if (value->get(list) != SUCCESS) refuse(key, fmt::format("is {}, not a list", shown(*value)));
  for (const element entry : list) {
    std::string_view text;
    if (entry.get(text) != SUCCESS || text != wanted)
      refuse(key, fmt::format("has an entry that is not \"{}\", and no other is supported yet", wanted));
  }
}

void ModelConfigObject::pass_over(std::string_view key) {
  asked_for_.emplace(key);
}

void ModelConfigObject::require_no_more() const {
  std::set<std::string_view> seen;
  for (const auto& [key, value] : object_) {
    // Which of two counts depends on who reads.
    if (!seen.insert(key).second) refuse(key, "stands there twice; remove one of them");
    if (asked_for_.contains(key) || says_nothing(value) || changes_no_model(key)) continue;
    const std::optional<Neutral> neutral = neutral_value(key);
    if (neutral && is(value, *neutral)) continue;
    if (is_known_feature(key))
      refuse(key, fmt::format("is {}, which is not supported yet; take a model without it", shown(value)));
    refuse(key, fmt::format("is {}, and icosa does not know this key; remove it if the model is the same without it",
                            shown(value)));
  }
}

std::string ModelConfigObject::dropout() {
  std::string text;
  for (const auto& [key, value] : object_) {
    if (!is_dropout(key)) continue;
    pass_over(key);
    double rate = 0;
    if (value.is_null()) continue;
    if (value.get(rate) != SUCCESS || !(rate >= 0 && rate <= 1))
      refuse(key, fmt::format("is {}, not a number from 0 to 1", shown(value)));
    if (rate > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key, rate);
  }
  return text;
}

}  // namespace pipeline
