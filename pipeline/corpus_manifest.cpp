#include "pipeline/corpus_manifest.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <xxhash.h>

#include <map>
#include <stdexcept>
#include <utility>

#include "io/error.hpp"
#include "io/readable_file.hpp"
#include "pipeline/json.hpp"

namespace pipeline {
namespace {

/// xxHash3-64 of a file; nothing where it cannot be read, which ingest will say.
std::string checksum_of(const std::string& path) {
  try {
    const io::ReadableFile file(path);
    const std::vector<std::byte> bytes = file.read(0, file.size_bytes());
    return fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
  } catch (const io::FileError&) {
    return {};
  }
}

/// A file of a manifest, or of both where it is the same.
struct Entry {
  std::uint64_t size_bytes = 0;
  std::string checksum;
};

/// By corpus and origin; several files of one origin are numbered.
using Entries = std::map<std::pair<std::string, std::string>, Entry>;

Entries read_entries(std::string_view manifest) {
  Entries entries;
  simdjson::dom::parser parser;
  while (!manifest.empty()) {
    const std::size_t end = std::min(manifest.find('\n'), manifest.size());
    const simdjson::padded_string line(manifest.substr(0, end));
    manifest.remove_prefix(std::min(end + 1, manifest.size()));
    simdjson::dom::object object;
    std::string_view corpus, origin, checksum;
    Entry entry;
    if (parser.parse(line).get(object) || object["corpus"].get(corpus) || object["file"].get(origin) ||
        object["bytes"].get(entry.size_bytes))
      throw std::runtime_error("not a manifest of a corpus");
    if (!object["checksum"].get(checksum)) entry.checksum = checksum;
    std::string name(origin);
    for (int number = 2; entries.count({std::string(corpus), name}) != 0; ++number)
      name = fmt::format("{} ({})", origin, number);
    entries[{std::string(corpus), name}] = std::move(entry);
  }
  return entries;
}

std::string name_of(const Entries::value_type& entry) {
  const auto& [corpus, origin] = entry.first;
  return corpus.empty() ? origin : corpus + ": " + origin;
}

}  // namespace

std::string corpus_manifest(const std::vector<Dataset>& datasets) {
  std::uint64_t files_count = 0;
  std::uint64_t bytes = 0;
  for (const Dataset& dataset : datasets) {
    files_count += dataset.corpus.sources.size();
    for (const io::Source& source : dataset.corpus.sources) bytes += source.size_bytes;
  }
  const bool checked = files_count <= manifest_checked_files && bytes <= manifest_checked_bytes;
  std::string text;
  for (const Dataset& dataset : datasets) {
    for (const io::Source& source : dataset.corpus.sources) {
      text += fmt::format(R"({{"corpus": {}, "file": {}, "bytes": {})", json_string(dataset.name),
                          json_string(source.origin), source.size_bytes);
      const std::string checksum = checked ? checksum_of(source.path) : std::string();
      if (!checksum.empty()) text += fmt::format(R"(, "checksum": "{}")", checksum);
      text += "}\n";
    }
  }
  return text;
}

std::vector<std::string> manifest_differences(std::string_view was, std::string_view is, std::size_t lines_max) {
  std::vector<std::string> lines;
  if (was == is) return lines;
  std::size_t count = 0;
  const auto say = [&](std::string line) {
    if (++count <= lines_max) lines.push_back(std::move(line));
  };
  const Entries before = read_entries(was);
  const Entries now = read_entries(is);
  for (const Entries::value_type& entry : before) {
    const auto found = now.find(entry.first);
    if (found == now.end()) {
      say(name_of(entry) + " is no longer there");
    } else if (found->second.size_bytes != entry.second.size_bytes) {
      say(fmt::format("{} has {} bytes and had {}", name_of(entry), found->second.size_bytes, entry.second.size_bytes));
    } else if (!found->second.checksum.empty() && !entry.second.checksum.empty() &&
               found->second.checksum != entry.second.checksum) {
      say(name_of(entry) + " has another content");
    }
  }
  for (const Entries::value_type& entry : now)
    if (before.count(entry.first) == 0) say(name_of(entry) + " is new");
  // The same files in another order, as several PATHs may give them.
  if (count == 0) say("the files come in another order");
  if (count > lines_max) lines.push_back(fmt::format("and {} more files", count - lines_max));
  return lines;
}

}  // namespace pipeline
