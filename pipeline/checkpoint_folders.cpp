#include "pipeline/checkpoint_folders.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

namespace pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view folder_prefix = "step-";
constexpr std::string_view temporary_prefix = ".tmp-";

bool is_checkpoint_name(std::string_view name) {
  if (!name.starts_with(folder_prefix)) return false;
  name.remove_prefix(folder_prefix.size());
  return name.size() >= 8 && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string checkpoints_of(const std::string& run) {
  return run + "/checkpoints";
}

}  // namespace

std::string checkpoint_folder(const std::string& run, std::uint64_t step) {
  return fmt::format("{}/{}{:08}", checkpoints_of(run), folder_prefix, step);
}

std::string temporary_folder(const std::string& checkpoint) {
  const fs::path path(checkpoint);
  return (path.parent_path() / (std::string(temporary_prefix) + path.filename().string())).string();
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> list_checkpoints(const std::string& run) {
  std::vector<std::string> found;
  for (const std::string& name : names_in(checkpoints_of(run)))
    if (is_checkpoint_name(name)) found.push_back(checkpoints_of(run) + "/" + name);
  // By step: beyond 99,999,999 names are longer.
  std::stable_sort(found.begin(), found.end(),
                   [](const std::string& a, const std::string& b) { return a.size() < b.size(); });
  return found;
}

void remove_abandoned(const std::string& run) noexcept {
  std::error_code ignored;  // what cannot be removed is in nobody's way
  for (const std::string& name : names_in(checkpoints_of(run)))
    if (name.starts_with(temporary_prefix)) fs::remove_all(checkpoints_of(run) + "/" + name, ignored);
}

bool holds_run(const std::string& path) {
  return fs::exists(path + "/checkpoints") || fs::exists(path + "/metrics.jsonl");
}

}  // namespace pipeline
