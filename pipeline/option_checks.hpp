#pragma once

// What the options of several commands have in common: bounds of their values, and what is said of a wrong one.

#include <CLI/CLI.hpp>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/settings.hpp"

namespace pipeline {

/// For options whose 0 would mean "not said".
inline const CLI::Validator at_least_one(
    [](std::string& value) {
      const bool zero = value.find_first_not_of("0+") == value.npos;
      return zero ? value + " is too small: give a number from 1" : std::string();
    },
    "");

/// "" where the text is a number that `holds`, else what is wrong with it. CLI11's own bounds read [0 - 1.79769e+308].
template <class Holds>
std::string bounded(const std::string& text, const Holds& holds, const char* bound) {
  double number = 0;
  if (CLI::detail::lexical_cast(text, number) && std::isfinite(number) && holds(number)) return "";
  return text + ": give a number " + bound;
}

inline const CLI::Validator from_zero(
    [](std::string& text) {
      return bounded(
          text, [](double number) { return number >= 0; }, "from 0");
    },
    "");
inline const CLI::Validator above_zero(
    [](std::string& text) {
      return bounded(
          text, [](double number) { return number > 0; }, "above 0");
    },
    "");

inline std::string not_one_of(const std::string& option, const std::string& value, const std::string& choices) {
  return option + " " + value + ": give one of " + choices;
}

/// An option that takes one of these names for one of these values; anything else is refused with the names.
template <class Value>
CLI::Option* add_choice(CLI::App& app, const std::string& option, Value& chosen,
                        const std::vector<std::pair<std::string, Value>>& choices, const std::string& description) {
  const auto choose = [option, &chosen, choices](const std::string& name) {
    std::string names;
    for (const auto& [one, value] : choices) {
      if (one == name) {
        chosen = value;
        return;
      }
      names += (names.empty() ? "" : ", ") + one;
    }
    throw SettingsError(not_one_of(option, name, names));
  };
  return app.add_option_function<std::string>(option, choose, description);
}

/// --optimizer.
void add_optimizer_kind(CLI::App& app, OptimizerKind& optimizer);

/// --pattern.
void add_split_pattern(CLI::App& app, std::string& pattern);

}  // namespace pipeline
