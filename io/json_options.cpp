#include "io/json_options.hpp"

#include <algorithm>
#include <stdexcept>

namespace io {

using simdjson::dom::element;
using simdjson::dom::object;

bool has_option(object parent, const char* key) {
  element value;
  return !parent[key].get(value) && !value.is_null();
}

void only_known_options(object parent, const std::string& name, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : parent) {
    if (!value.is_null() && std::find(known.begin(), known.end(), key) == known.end())
      throw std::invalid_argument(name + "option " + std::string(key) + " is not supported");
  }
}

object object_option(object parent, const char* key, const std::string& name) {
  object child;
  if (parent[key].get(child)) throw std::invalid_argument("there is no " + name);
  return child;
}

bool bool_option(object parent, const char* key, const std::string& name, bool otherwise) {
  bool value = otherwise;
  if (has_option(parent, key) && parent[key].get(value)) throw std::invalid_argument(name + key + " is not a boolean");
  return value;
}

std::string text_option(object parent, const char* key, const std::string& name) {
  std::string_view value;
  if (has_option(parent, key) && parent[key].get(value)) throw std::invalid_argument(name + key + " is not a text");
  return std::string(value);
}

std::string type_of_step(object step) {
  std::string_view type;
  return step["type"].get(type) ? "without a type" : std::string(type);
}

}  // namespace io
