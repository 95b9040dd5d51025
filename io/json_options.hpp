#pragma once

// Options of a tokenizer.json. One that would change an id and is not known is refused by name, never passed over.

#include <simdjson.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace io {

/// The functions throw std::invalid_argument with the reason.

/// Absent and null are the same everywhere in this format.
bool has_option(simdjson::dom::object parent, const char* key);
/// `name`: what stands before the option's in the reason, e.g. "model ".
void only_known_options(simdjson::dom::object parent, const std::string& name,
                        std::initializer_list<std::string_view> known);
simdjson::dom::object object_option(simdjson::dom::object parent, const char* key, const std::string& name);
bool bool_option(simdjson::dom::object parent, const char* key, const std::string& name, bool otherwise);
/// Empty where it is absent.
std::string text_option(simdjson::dom::object parent, const char* key, const std::string& name);
/// The option "type" of a step of tokenizing, or "without a type".
std::string type_of_step(simdjson::dom::object step);

}  // namespace io
