#include "pipeline/inspect.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "io/safetensors.hpp"
#include "pipeline/checkpoint.hpp"
#include "pipeline/checkpoint_folders.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/pretrained.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

/// Of a file, or of all files below a folder; what disappears meanwhile counts for nothing.
std::uint64_t bytes_below(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    const std::uint64_t bytes = fs::file_size(path, error);
    return error ? 0 : bytes;
  }
  std::uint64_t bytes = 0;
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    const std::uint64_t size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

void print_validation(const char* name, const std::optional<Validation>& validation) {
  if (!validation) return;
  fmt::print("{}: loss {:.4f}, {:.4f} bits per byte, at step {}\n", name, validation->evaluation.loss(),
             validation->evaluation.bits_per_byte(), format_count(validation->step));
}

/// One tensor a line, with the checksum that was recorded and has been found.
void print_tensors(const Checkpoint& checkpoint, const std::string& file, std::string_view prefix) {
  const auto recorded = checkpoint.state.tensors.find(file);
  for (const compute::Tensor& tensor : checkpoint.tensors) {
    const std::string name = std::string(prefix) + tensor.name;
    fmt::print("  {:40} [{}]  {}\n", name, io::shape_text(tensor.shape), recorded->second.at(name));
  }
}

/// Reads and verifies all that is in it. Throws CheckpointError.
Checkpoint read_whole(const std::string& path) {
  std::vector<std::string> none;
  Checkpoint checkpoint = read_checkpoint(path, none);
  FloatArena moment1, moment2;
  read_moments(checkpoint, moment1, moment2);
  return checkpoint;
}

/// The newest one that is whole in everything, the optimizer's state too, as --resume would find it.
Checkpoint read_newest(const std::string& run, std::vector<std::string>& damaged) {
  std::vector<std::string> found = list_checkpoints(run);
  for (; !found.empty(); found.pop_back()) {
    try {
      return read_whole(found.back());
    } catch (const CheckpointError& error) {
      damaged.push_back(error.what());
    }
  }
  if (damaged.empty()) throw CheckpointError(run + ": holds no checkpoint yet; give the folder of a run (--out)");
  if (damaged.size() == 1) throw CheckpointError(damaged.front());
  throw CheckpointError(
      fmt::format("{}: none of its {} checkpoints is whole; the newest: {}", run, damaged.size(), damaged.front()));
}

void print_checkpoint(const Checkpoint& checkpoint) {
  const compute::Gpt2Shape& shape = checkpoint.shape;
  const CheckpointState& state = checkpoint.state;
  fmt::print("checkpoint: {}\nmodel: gpt2, {} layers, {} heads, width {}, vocabulary {}, {} positions\n",
             checkpoint.path, shape.layers, shape.heads, shape.channels, shape.vocabulary, shape.positions);
  fmt::print("tokenizer: {}\nparameters: {}\n", checkpoint_tokenizer(checkpoint)->description(),
             format_count(compute::gpt2_parameters(shape)));
  fmt::print("written by: icosa {}, arithmetic {}\n", state.icosa_version, state.arithmetic);
  fmt::print("step: {} of {}{}\ntokens: {} of {}\ndocuments: {}\nloss: {:.4f}\n", state.progress.steps,
             state.length.steps, state.finished ? ", the last" : "", format_count(state.progress.targets_count),
             format_count(state.length.targets), format_count(state.progress.documents_count), state.final_loss);
  print_validation("held out", state.validation);
  print_validation("best", state.best);
  fmt::print("options:");
  for (const auto& [option, value] : state.configuration)
    if (!value.empty() && option.starts_with("--")) fmt::print(" {} {}", option, value);
  fmt::print("\ntensors:\n");
  print_tensors(checkpoint, "model.safetensors", "");
  print_tensors(checkpoint, "optimizer.safetensors", "moment1.");
  print_tensors(checkpoint, "optimizer.safetensors", "moment2.");
  fmt::print("verified: {} tensors and {} other files against their checksums\ndigest: {}\n",
             3 * checkpoint.tensors.size(), state.files.size() + 1, state.digest);
}

}  // namespace

void inspect_pretrained(const std::string& path) {
  const Checkpoint model = read_pretrained(path);
  const compute::Gpt2Shape& shape = model.shape;
  fmt::print("model: gpt2, {} layers, {} heads, width {}, vocabulary {}, {} positions\n", shape.layers, shape.heads,
             shape.channels, shape.vocabulary, shape.positions);
  fmt::print("tokenizer: {}\nparameters: {}\ntensors:\n", model_tokenizer(model)->description(),
             format_count(compute::gpt2_parameters(shape)));
  for (const compute::Tensor& tensor : model.tensors)
    fmt::print("  {:40} [{}]\n", tensor.name, io::shape_text(tensor.shape));
  fmt::print("digest: {}\n", digest(model.tensors, model.weights.span()));
}

void inspect_checkpoint(const std::string& path) {
  print_checkpoint(read_whole(path));
}

void inspect_run(const std::string& path) {
  std::vector<std::string> damaged;
  const Checkpoint newest = read_newest(path, damaged);
  const CheckpointState& state = newest.state;
  fmt::print("run: {}\n", path);
  fmt::print("progress: {} of {} steps{}\n", format_count(state.progress.steps), format_count(state.length.steps),
             state.finished ? ", finished" : "");
  print_validation("best", state.best);
  std::uint64_t all = 0;
  fmt::print("disk use:\n");
  for (const std::string& name : names_in(path)) {
    const std::uint64_t bytes = bytes_below(path + "/" + name);
    fmt::print("  {:40} {} bytes\n", name, format_count(bytes));
    all += bytes;
  }
  fmt::print("  {:40} {} bytes\ncheckpoints:\n", "in all", format_count(all));
  for (const std::string& folder : list_checkpoints(path))
    fmt::print("  {:40} {} bytes\n", fs::path(folder).filename().string(), format_count(bytes_below(folder)));
  for (const std::string& line : damaged) fmt::print("passed over: {}\n", line);
  print_checkpoint(newest);
}

}  // namespace pipeline
