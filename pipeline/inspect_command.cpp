#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "io/corpus.hpp"
#include "pipeline/accounting.hpp"
#include "pipeline/checkpoint_folders.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/inspect.hpp"
#include "pipeline/metrics.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

void inspect_corpus(const std::string& path) {
  const io::Corpus corpus = io::find_corpus({path});
  struct Kind {
    std::uint64_t files_count = 0;
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Kind> kinds;
  std::uint64_t bytes = 0;
  for (const io::Source& source : corpus.sources) {
    Kind& kind = kinds[fs::path(source.path).extension().string()];
    ++kind.files_count;
    kind.bytes += source.size_bytes;
    bytes += source.size_bytes;
  }
  fmt::print("corpus: {}\nfiles: {}\nbytes: {}\n", path, format_count(corpus.sources.size()), format_count(bytes));
  for (const auto& [ending, kind] : kinds)
    fmt::print("  {:12} {} files, {} bytes\n", ending.empty() ? "(no ending)" : ending, format_count(kind.files_count),
               format_count(kind.bytes));
  fmt::print("left out: {} hidden, {} special, {} repeated\n", corpus.left_out.hidden_count,
             corpus.left_out.special_count, corpus.left_out.repeated_count);
  for (const io::Skip& skip : corpus.skips) fmt::print("skipped: {}\n", describe(skip));
}

}  // namespace

int inspect_command(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (fs::exists(path + "/state.json")) {
      inspect_checkpoint(path);
    } else if (holds_run(path)) {
      inspect_run(path);
    } else {
      inspect_corpus(path);
    }
  }
  return 0;
}

}  // namespace pipeline
