#include "pipeline/config_file.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "pipeline/settings.hpp"

namespace pipeline {
namespace {

class Reader {
 public:
  Reader(const std::string& path, const std::function<bool(const std::string&)>& knows) : path_(path), knows_(knows) {}

  ConfigFile read(const toml::table& table) {
    for (const auto& [key, value] : table) {
      std::string name(key.str());
      std::replace(name.begin(), name.end(), '_', '-');
      if (name == "paths" || name == "path") {
        read_strings(name, value, config_.paths);
      } else if (name == "mix" && value.is_table()) {
        for (const auto& [part, share] : *value.as_table()) read_share(std::string(part.str()), share);
      } else if (name == "mix") {
        read_strings(name, value, config_.mixes);
      } else {
        read_option(name, value);
      }
    }
    return std::move(config_);
  }

 private:
  [[noreturn]] void refuse(const toml::node& node, const std::string& reason) const {
    throw SettingsError(fmt::format("{}, line {}: {}", path_, node.source().begin.line, reason));
  }

  std::string string_of(const std::string& name, const toml::node& node) const {
    const auto text = node.value<std::string>();
    if (!text || !node.is_string()) refuse(node, name + " is not a string; put it in quotes");
    return *text;
  }

  void read_strings(const std::string& name, const toml::node& node, std::vector<std::string>& strings) const {
    const toml::array* const array = node.as_array();
    if (array == nullptr) {
      strings.push_back(string_of(name, node));
      return;
    }
    for (const toml::node& element : *array) strings.push_back(string_of(name, element));
  }

  /// [mix.NAME] with a weight and one path or several.
  void read_share(const std::string& name, const toml::node& node) {
    const toml::table* const share = node.as_table();
    const toml::node* const path = share == nullptr ? nullptr : share->get("path");
    const std::optional<double> weight = share == nullptr ? std::nullopt : (*share)["weight"].value<double>();
    if (path == nullptr || !weight) refuse(node, "mix." + name + " needs a weight and a path");
    std::vector<std::string> paths;
    read_strings("mix." + name + ".path", *path, paths);
    for (const std::string& one : paths) config_.mixes.push_back(fmt::format("{}={}:{}", name, *weight, one));
  }

  void read_option(const std::string& name, const toml::node& node) {
    const std::string option = "--" + name;
    if (name == "config" || !knows_(option)) refuse(node, "there is no option " + option);
    if (node.is_boolean()) {
      if (*node.value<bool>()) config_.arguments.push_back(option);
    } else if (node.is_integer()) {
      config_.arguments.push_back(fmt::format("{}={}", option, *node.value<std::int64_t>()));
    } else if (node.is_floating_point()) {
      config_.arguments.push_back(fmt::format("{}={}", option, *node.value<double>()));
    } else if (node.is_string()) {
      config_.arguments.push_back(option + "=" + *node.value<std::string>());
    } else {
      refuse(node, option + " takes a number, a string, true or false");
    }
  }

  const std::string& path_;
  const std::function<bool(const std::string&)>& knows_;
  ConfigFile config_;
};

}  // namespace

ConfigFile read_config(const std::string& path, const std::function<bool(const std::string& option)>& knows) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw SettingsError("--config " + path + ": " + std::strerror(errno));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  try {
    const toml::table table = toml::parse(text, path);
    return Reader(path, knows).read(table);
  } catch (const toml::parse_error& error) {
    throw SettingsError(
        fmt::format("{}, line {}: {}", path, error.source().begin.line, std::string(error.description())));
  }
}

}  // namespace pipeline
