// The reading half of pipeline/checkpoint.hpp: blocking calls, for a run that begins where another ended and for the
// commands that look at a checkpoint.

#include <fmt/format.h>
#include <xxhash.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <string>

#include "io/error.hpp"
#include "io/safetensors.hpp"
#include "pipeline/checkpoint.hpp"
#include "pipeline/checkpoint_folders.hpp"
#include "pipeline/model_config.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) throw CheckpointError(path + ": cannot be read; give a whole checkpoint");
  return text;
}

/// Reads the tensors named PREFIX + name into `floats` and compares them with what state.json says of `file`.
void read_tensors(const Checkpoint& checkpoint, const std::string& file, const std::string& prefix,
                  std::span<float> floats) {
  const std::string path = checkpoint.path + "/" + file;
  std::vector<io::TensorSlot> slots;
  for (const compute::Tensor& tensor : checkpoint.tensors)
    slots.push_back({prefix + tensor.name, tensor.shape, floats.subspan(tensor.offset, tensor.count)});
  try {
    io::read_safetensors(path, slots);
  } catch (const io::SafetensorsError& error) {
    throw CheckpointError(error.what());
  } catch (const io::FileError& error) {
    throw CheckpointError(error.what());
  }
  const auto recorded = checkpoint.state.tensors.find(file);
  for (const io::TensorSlot& slot : slots) {
    const std::string found = fmt::format("{:016x}", XXH3_64bits(slot.values.data(), slot.values.size_bytes()));
    if (recorded == checkpoint.state.tensors.end() || recorded->second.count(slot.name) == 0)
      throw CheckpointError(path + ": state.json has no checksum of " + slot.name + "; use another checkpoint");
    if (recorded->second.at(slot.name) != found)
      throw CheckpointError(
          fmt::format("{}: damaged: {} has checksum {} where state.json says {}; use another checkpoint", path,
                      slot.name, found, recorded->second.at(slot.name)));
  }
}

Checkpoint read_one(const std::string& path) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  checkpoint.state = parse_state(read_text(path + "/state.json"), path + "/state.json");
  checkpoint.shape = parse_config_json(read_checkpoint_text(checkpoint, "config.json"), path + "/config.json");
  checkpoint.tensors = compute::gpt2_tensors(checkpoint.shape);
  try {
    checkpoint.weights = FloatArena(compute::gpt2_floats(checkpoint.shape));
  } catch (const std::bad_alloc&) {
    throw CheckpointError(path + ": the model does not fit into this machine's memory");
  }
  read_tensors(checkpoint, "model.safetensors", "", checkpoint.weights.span());
  for (const auto& [name, checksum] : checkpoint.state.files) read_checkpoint_text(checkpoint, name);
  return checkpoint;
}

}  // namespace

Checkpoint read_checkpoint(const std::string& path, std::vector<std::string>& damaged) {
  if (fs::exists(path + "/state.json")) return read_one(path);
  std::vector<std::string> found = list_checkpoints(path);
  for (; !found.empty(); found.pop_back()) {
    try {
      return read_one(found.back());
    } catch (const CheckpointError& error) {
      damaged.push_back(error.what());
    }
  }
  if (damaged.size() == 1) throw CheckpointError(damaged.front());
  if (!damaged.empty())
    throw CheckpointError(
        fmt::format("{}: none of its {} checkpoints is whole; the newest: {}", path, damaged.size(), damaged.front()));
  throw CheckpointError(path + (fs::exists(path) ? ": holds no whole checkpoint; give the folder of a run (--out)"
                                                 : ": no such folder; give the folder of a run (--out)"));
}

void read_moments(const Checkpoint& checkpoint, FloatArena& moment1, FloatArena& moment2) {
  moment1 = FloatArena(checkpoint.weights.span().size());
  moment2 = FloatArena(checkpoint.weights.span().size());
  read_tensors(checkpoint, "optimizer.safetensors", "moment1.", moment1.span());
  read_tensors(checkpoint, "optimizer.safetensors", "moment2.", moment2.span());
}

std::string read_checkpoint_text(const Checkpoint& checkpoint, const std::string& name) {
  const std::string path = checkpoint.path + "/" + name;
  std::string text = read_text(path);
  const auto recorded = checkpoint.state.files.find(name);
  if (recorded == checkpoint.state.files.end())
    throw CheckpointError(path + ": state.json has no checksum of it; use another checkpoint");
  if (recorded->second != fmt::format("{:016x}", XXH3_64bits(text.data(), text.size())))
    throw CheckpointError(path + ": damaged: its checksum is not the one in state.json; use another checkpoint");
  return text;
}

std::shared_ptr<const io::Tokenizer> checkpoint_tokenizer(const Checkpoint& checkpoint) {
  return io::tokenizer_from_json(read_checkpoint_text(checkpoint, "tokenizer.json"),
                                 checkpoint.path + "/tokenizer.json");
}

}  // namespace pipeline
