#include "io/glob.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

namespace io {
namespace {

constexpr std::string_view any_folders = "**";

/// The names between the slashes, with runs of `**` made one.
std::vector<std::string> parts_of(std::string_view pattern) {
  std::vector<std::string> parts;
  while (!pattern.empty()) {
    const std::size_t length = std::min(pattern.find('/'), pattern.size());
    const std::string_view part = pattern.substr(0, length);
    if (!part.empty() && !(part == any_folders && !parts.empty() && parts.back() == part)) parts.emplace_back(part);
    pattern.remove_prefix(std::min(length + 1, pattern.size()));
  }
  return parts;
}

class Expansion {
 public:
  explicit Expansion(const std::string& pattern)
      : parts_(parts_of(pattern)),
        several_ways_(std::count(parts_.begin(), parts_.end(), any_folders) > 1),
        folders_only_(pattern.ends_with('/')) {
    go_on({pattern.starts_with('/') ? "/" : "", 0});
  }

  Glob run() {
    while (!places_.empty()) {
      const Place place = std::move(places_.back());
      places_.pop_back();
      if (is_pattern(parts_[place.part])) {
        look_into(place);
      } else {
        go_through(place);
      }
    }
    sort_out();
    return std::move(glob_);
  }

 private:
  /// A folder (with '/' at its end, or empty) whose entries are to match the part with that number.
  struct Place {
    std::string folder;
    std::size_t part;
    auto operator<=>(const Place&) const = default;
  };

  void go_on(Place place) {
    // With two `**` there are several ways to one place, and exponentially many through it.
    if (several_ways_ && !seen_.insert(place).second) return;
    places_.push_back(std::move(place));
  }

  bool is_last(std::size_t part) const noexcept { return part + 1 == parts_.size(); }

  /// A part without wildcards.
  void go_through(const Place& place) {
    std::string path = place.folder + parts_[place.part];
    struct stat status {};
    if (!is_last(place.part)) {
      if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) go_on({path + "/", place.part + 1});
    } else if (::lstat(path.c_str(), &status) == 0) {
      match(std::move(path), kind_of_mode(status.st_mode));
    }
  }

  void look_into(const Place& place) {
    const std::string& part = parts_[place.part];
    const bool deep = part == any_folders;
    if (deep && !is_last(place.part)) go_on({place.folder, place.part + 1});
    Folder folder(place.folder);
    while (const dirent* const entry = folder.next()) {
      const std::string_view name = entry->d_name;
      if (deep ? name.starts_with('.') : ::fnmatch(part.c_str(), entry->d_name, FNM_PERIOD) != 0) continue;
      const EntryKind kind = folder.kind_of(*entry);
      std::string path = place.folder + std::string(name);
      if (deep && kind == EntryKind::folder) {
        go_on({path + "/", place.part});
      } else if (is_last(place.part)) {
        match(std::move(path), kind);
      } else if (!deep && kind == EntryKind::folder) {
        go_on({path + "/", place.part + 1});
      }
    }
    if (folder.error_number() != 0)
      glob_.skips.push_back(
          {place.folder, 0, std::string("the folder cannot be looked into: ") + std::strerror(folder.error_number())});
  }

  void match(std::string path, EntryKind kind) {
    if (folders_only_ && kind != EntryKind::folder) return;
    if (kind == EntryKind::folder) path += '/';
    glob_.matches.push_back({std::move(path), kind});
  }

  /// By path; a folder's slash puts what is below it right behind it.
  void sort_out() {
    std::sort(glob_.matches.begin(), glob_.matches.end(),
              [](const Glob::Match& a, const Glob::Match& b) { return a.path < b.path; });
    std::vector<Glob::Match> kept;
    std::string last_folder;
    for (Glob::Match& match : glob_.matches) {
      if (!last_folder.empty() && match.path.starts_with(last_folder)) continue;
      if (!kept.empty() && kept.back().path == match.path) continue;
      if (match.kind == EntryKind::folder) last_folder = match.path;
      kept.push_back(std::move(match));
    }
    glob_.matches = std::move(kept);
    std::sort(glob_.skips.begin(), glob_.skips.end(), [](const Skip& a, const Skip& b) { return a.path < b.path; });
    glob_.skips.erase(std::unique(glob_.skips.begin(), glob_.skips.end(),
                                  [](const Skip& a, const Skip& b) { return a.path == b.path; }),
                      glob_.skips.end());
  }

  std::vector<std::string> parts_;
  bool several_ways_;
  bool folders_only_;
  std::vector<Place> places_;
  std::set<Place> seen_;
  Glob glob_;
};

}  // namespace

bool is_pattern(std::string_view path) noexcept {
  return path.find_first_of("*?[") != path.npos;
}

Glob expand_pattern(const std::string& pattern) {
  return Expansion(pattern).run();
}

}  // namespace io
