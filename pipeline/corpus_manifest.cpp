#include "pipeline/corpus_manifest.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

#include "io/error.hpp"
#include "pipeline/json.hpp"

namespace pipeline {
namespace {

std::string hex(XXH64_hash_t hash) {
  return fmt::format("{:016x}", hash);
}

/// Of a file larger than a block.
sched::task<std::string> checksum_of_large(io::Files& files, const io::Source& source) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), &XXH3_freeState);
  if (state == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(state.get());
  const io::Block block = files.block(0);
  io::OpenFile file = co_await files.open(source.path, O_RDONLY, 0);
  for (std::uint64_t at = 0;;) {
    const std::size_t got = co_await files.read(file, at, block, block.bytes.size());
    if (got == 0) break;
    XXH3_64bits_update(state.get(), block.bytes.data(), got);
    at += got;
  }
  co_await files.close(std::move(file));
  co_return hex(XXH3_64bits_digest(state.get()));
}

/// xxHash3-64 of each file; nothing where it cannot be read, which ingest will say.
sched::task<std::vector<std::string>> checksums_of(io::Files& files, const std::vector<const io::Source*>& sources) {
  std::vector<std::string> checksums(sources.size());
  for (std::size_t first = 0; first < sources.size(); first += files.blocks_count()) {
    const std::size_t count = std::min<std::size_t>(files.blocks_count(), sources.size() - first);
    std::vector<io::WholeRead> reads(count);
    for (std::size_t i = 0; i < count; ++i) {
      reads[i].path = sources[first + i]->path.c_str();
      reads[i].block_index = static_cast<unsigned>(i);
      reads[i].memory = files.block(reads[i].block_index).bytes;
    }
    co_await files.read_whole(reads);
    for (std::size_t i = 0; i < count; ++i) {
      const auto bytes = static_cast<std::size_t>(std::max(0, reads[i].result));
      if (reads[i].result >= 0 && bytes < reads[i].memory.size())
        checksums[first + i] = hex(XXH3_64bits(reads[i].memory.data(), bytes));
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (reads[i].result < 0 || !checksums[first + i].empty()) continue;
      try {
        std::string checksum = co_await checksum_of_large(files, *sources[first + i]);
        checksums[first + i] = std::move(checksum);
      } catch (const io::FileError&) {
        continue;
      }
    }
  }
  co_return checksums;
}

/// Of begin, middle and end of a file; nothing where it cannot be read.
sched::task<std::string> sample_of(io::Files& files, const io::Source& source) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), &XXH3_freeState);
  if (state == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(state.get());
  const io::Block block = files.block(0);
  const std::uint64_t bytes = std::min<std::uint64_t>({source.size_bytes, manifest_sample_bytes, block.bytes.size()});
  try {
    io::OpenFile file = co_await files.open(source.path, O_RDONLY, 0);
    for (const std::uint64_t at : {std::uint64_t{0}, (source.size_bytes - bytes) / 2, source.size_bytes - bytes}) {
      const std::size_t got = co_await files.read(file, at, block, bytes);
      XXH3_64bits_update(state.get(), block.bytes.data(), got);
    }
    co_await files.close(std::move(file));
  } catch (const io::FileError&) {
    co_return std::string();
  }
  co_return hex(XXH3_64bits_digest(state.get()));
}

/// A file of a manifest, or of both where it is the same.
struct Entry {
  std::uint64_t size_bytes = 0;
  std::string checksum;
  std::string sample;
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
    std::string_view corpus, origin, checksum, sample;
    Entry entry;
    if (parser.parse(line).get(object) || object["corpus"].get(corpus) || object["file"].get(origin) ||
        object["bytes"].get(entry.size_bytes))
      throw std::runtime_error("not a manifest of a corpus");
    if (!object["checksum"].get(checksum)) entry.checksum = checksum;
    if (!object["sample"].get(sample)) entry.sample = sample;
    std::string name(origin);
    for (int number = 2; entries.count({std::string(corpus), name}) != 0; ++number)
      name = fmt::format("{} ({})", origin, number);
    entries[{std::string(corpus), name}] = std::move(entry);
  }
  return entries;
}

/// As far as both say something.
bool same_content(const Entry& a, const Entry& b) {
  const auto differ = [](const std::string& one, const std::string& other) {
    return !one.empty() && !other.empty() && one != other;
  };
  return !differ(a.checksum, b.checksum) && !differ(a.sample, b.sample);
}

std::string name_of(const Entries::value_type& entry) {
  const auto& [corpus, origin] = entry.first;
  return corpus.empty() ? origin : corpus + ": " + origin;
}

}  // namespace

sched::task<std::string> corpus_manifest(io::Files& files, const std::vector<Dataset>& datasets) {
  std::vector<const io::Source*> sources;
  std::uint64_t bytes = 0;
  for (const Dataset& dataset : datasets) {
    for (const io::Source& source : dataset.corpus.sources) {
      sources.push_back(&source);
      bytes += source.size_bytes;
    }
  }
  std::vector<std::string> checksums;
  const bool whole = sources.size() <= manifest_checked_files && bytes <= manifest_checked_bytes;
  if (whole) checksums = co_await checksums_of(files, sources);
  checksums.resize(sources.size());
  const std::size_t step = (sources.size() + manifest_sampled_files - 1) / manifest_sampled_files;
  for (std::size_t i = 0; i < sources.size() && !whole; i += step) {
    std::string sample = co_await sample_of(files, *sources[i]);
    checksums[i] = std::move(sample);
  }
  std::string text;
  auto checksum = checksums.begin();
  for (const Dataset& dataset : datasets) {
    for (const io::Source& source : dataset.corpus.sources) {
      text += fmt::format(R"({{"corpus": {}, "file": {}, "bytes": {})", json_string(dataset.name),
                          json_string(source.origin), source.size_bytes);
      if (!checksum->empty()) text += fmt::format(R"(, "{}": "{}")", whole ? "checksum" : "sample", *checksum);
      text += "}\n";
      ++checksum;
    }
  }
  co_return text;
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
    } else if (!same_content(found->second, entry.second)) {
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
