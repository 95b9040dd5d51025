#pragma once

// What Hugging Face's configurations say beside sizes and choices, by their keys: what may stand in a config.json
// without changing what is computed.

#include <optional>
#include <string_view>
#include <variant>

namespace pipeline {

/// How generation goes on, who wrote the file, how it is loaded: the model is the same whatever it says.
bool changes_no_model(std::string_view key) noexcept;

/// Shares of zeros while training.
bool is_dropout(std::string_view key) noexcept;

using Neutral = std::variant<bool, double>;

/// Something that icosa has not.
bool is_known_feature(std::string_view key) noexcept;

/// The value by which a file says that such a thing is not there; nothing where there is none but null.
std::optional<Neutral> neutral_value(std::string_view key) noexcept;

}  // namespace pipeline
