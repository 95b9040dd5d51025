#pragma once

// --config FILE.toml: the options of a command, kept in a file. A key is an option without its dashes; what the command
// line says comes first.

#include <functional>
#include <string>
#include <vector>

namespace pipeline {

struct ConfigFile {
  std::vector<std::string> arguments;  ///< options as on a command line: --key=value, or --key for true
  std::vector<std::string> paths;      ///< of the key `paths`
  std::vector<std::string> mixes;      ///< of `mix`, as --mix takes them
};

/// Reads `path`. `knows` tells whether the command has an option of that name, such as "--steps".
///
///     paths = ["corpus"]              or   [mix.news]
///     steps = 1000                         weight = 0.7
///     strict = true                        path = "data/news"
///
///   Throws SettingsError, one line that names the file and the line, for what is not TOML or not an option.
ConfigFile read_config(const std::string& path, const std::function<bool(const std::string& option)>& knows);

}  // namespace pipeline
