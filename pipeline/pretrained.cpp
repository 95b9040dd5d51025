#include "pipeline/pretrained.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <new>
#include <string_view>

#include "io/error.hpp"
#include "io/readable_file.hpp"
#include "io/safetensors.hpp"
#include "io/tokenizer.hpp"
#include "pipeline/model_config.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t config_bytes_max = 16u << 20;

std::string read_config(const std::string& path) {
  const io::ReadableFile file(path);
  if (file.size_bytes() > config_bytes_max)
    throw CheckpointError(fmt::format("{}: not a model's configuration: it has {} bytes", path, file.size_bytes()));
  const std::vector<std::byte> bytes = file.read(0, file.size_bytes());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Models saved without their head have no "transformer." or "model." in front of their names, GPT-2's first files
/// among them.
std::string stored_name(const std::string& name, bool without_head) {
  for (const std::string_view prefix : {"transformer.", "model."})
    if (without_head && name.starts_with(prefix)) return name.substr(prefix.size());
  return name;
}

Checkpoint read_folder(const std::string& folder) {
  Checkpoint model;
  model.path = folder;
  model.shape = read_model_config(folder + "/config.json");
  model.tensors = compute::gpt2_tensors(model.shape);
  try {
    model.weights = FloatArena(compute::gpt2_floats(model.shape));
  } catch (const std::bad_alloc&) {
    throw CheckpointError(folder + ": the model does not fit into this machine's memory");
  }
  const std::string path = folder + "/model.safetensors";
  const std::string& first = model.tensors.front().name;
  const bool without_head =
      !io::safetensors_holds(path, first) && io::safetensors_holds(path, stored_name(first, true));
  std::vector<io::TensorSlot> slots;
  for (const compute::Tensor& tensor : model.tensors)
    slots.push_back({stored_name(tensor.name, without_head), tensor.shape,
                     model.weights.span().subspan(tensor.offset, tensor.count)});
  io::read_safetensors(path, slots);
  return model;
}

bool has_state(const Checkpoint& model) {
  return !model.state.files.empty();
}

}  // namespace

bool is_pretrained(const std::string& folder) {
  return fs::exists(folder + "/config.json") && !fs::exists(folder + "/state.json") &&
         (fs::exists(folder + "/model.safetensors") || fs::exists(folder + "/model.safetensors.index.json"));
}

compute::ModelShape read_model_config(const std::string& path, std::vector<std::string>* notes) {
  try {
    return parse_config_json(read_config(path), path, notes);
  } catch (const io::FileError& error) {
    throw CheckpointError(error.what());
  }
}

Checkpoint read_pretrained(const std::string& folder) {
  try {
    return read_folder(folder);
  } catch (const io::SafetensorsError& error) {
    throw CheckpointError(error.what());
  } catch (const io::FileError& error) {
    throw CheckpointError(error.what());
  }
}

Checkpoint read_model(const std::string& path, std::vector<std::string>& damaged) {
  return is_pretrained(path) ? read_pretrained(path) : read_checkpoint(path, damaged);
}

std::string tokenizer_name(const Checkpoint& model) {
  return has_state(model) ? model.path + "/tokenizer.json" : model.path;
}

void check_tokenizer(const Checkpoint& model, const io::Tokenizer& tokenizer) {
  // Others round the size of the embedding up, so that there are rows no id stands for.
  const std::size_t ids = tokenizer.vocabulary_size();
  if (ids > model.shape.vocabulary)
    throw CheckpointError(
        fmt::format("{}: the tokenizer has {} ids where config.json says {}", model.path, ids, model.shape.vocabulary));
}

std::shared_ptr<const io::Tokenizer> model_tokenizer(const Checkpoint& model) {
  std::shared_ptr<const io::Tokenizer> tokenizer =
      has_state(model) ? checkpoint_tokenizer(model) : io::load_tokenizer(model.path);
  check_tokenizer(model, *tokenizer);
  return tokenizer;
}

}  // namespace pipeline
