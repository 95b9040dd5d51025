#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "io/corpus.hpp"
#include "io/safetensors.hpp"
#include "pipeline/accounting.hpp"
#include "pipeline/checkpoint.hpp"
#include "pipeline/checkpoint_folders.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/metrics.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

void inspect_checkpoint(const std::string& path) {
  std::vector<std::string> damaged;
  const Checkpoint checkpoint = read_checkpoint(path, damaged);
  for (const std::string& line : damaged) fmt::print("passed over: {}\n", line);
  const compute::Gpt2Shape& shape = checkpoint.shape;
  fmt::print("checkpoint: {}\nmodel: gpt2, {} layers, {} heads, width {}, vocabulary {}, {} positions\n",
             checkpoint.path, shape.layers, shape.heads, shape.channels, shape.vocabulary, shape.positions);
  fmt::print("tokenizer: {}\nparameters: {}\n", checkpoint_tokenizer(checkpoint)->description(),
             format_count(compute::gpt2_parameters(shape)));
  for (const compute::Tensor& tensor : checkpoint.tensors)
    fmt::print("  {:40} [{}]\n", tensor.name, io::shape_text(tensor.shape));
  const CheckpointState& state = checkpoint.state;
  fmt::print("step: {} of {}\ntokens: {}\ndocuments: {}\n", state.progress.steps, state.length.steps,
             format_count(state.progress.targets_count), format_count(state.progress.documents_count));
  fmt::print("every tensor verified against its checksum\ndigest: {}\n", state.digest);
}

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
    if (holds_run(path) || fs::exists(path + "/state.json")) {
      inspect_checkpoint(path);
    } else {
      inspect_corpus(path);
    }
  }
  return 0;
}

}  // namespace pipeline
