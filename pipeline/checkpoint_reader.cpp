// The reading half of pipeline/checkpoint.hpp: blocking calls, for the commands that look at a finished checkpoint.

#include <simdjson.h>

#include <fstream>
#include <iterator>
#include <new>
#include <string>

#include "io/error.hpp"
#include "io/safetensors.hpp"
#include "pipeline/checkpoint.hpp"
#include "pipeline/model_config.hpp"

namespace pipeline {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) throw CheckpointError(path + ": cannot be read; give a whole checkpoint");
  return text;
}

}  // namespace

Checkpoint read_checkpoint(const std::string& path) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  checkpoint.shape = parse_config_json(read_text(path + "/config.json"), path + "/config.json");
  checkpoint.tensors = compute::gpt2_tensors(checkpoint.shape);
  checkpoint.state_json = read_text(path + "/state.json");
  simdjson::dom::parser parser;
  simdjson::dom::object state;
  std::string_view recorded;
  if (parser.parse(simdjson::padded_string(checkpoint.state_json)).get(state) != simdjson::SUCCESS ||
      state["digest"].get(recorded) != simdjson::SUCCESS)
    throw CheckpointError(path + "/state.json: not the state of a checkpoint");
  checkpoint.recorded_digest = recorded;

  std::vector<io::TensorSlot> slots;
  try {
    checkpoint.weights = FloatArena(compute::gpt2_floats(checkpoint.shape));
    for (const compute::Tensor& tensor : checkpoint.tensors)
      slots.push_back({tensor.name, tensor.shape, checkpoint.weights.span().subspan(tensor.offset, tensor.count)});
    io::read_safetensors(path + "/model.safetensors", slots);
  } catch (const std::bad_alloc&) {
    throw CheckpointError(path + ": the model does not fit into this machine's memory");
  } catch (const io::SafetensorsError& error) {
    throw CheckpointError(error.what());
  } catch (const io::FileError& error) {
    throw CheckpointError(error.what());
  }
  const std::string found = digest(checkpoint.tensors, checkpoint.weights.span());
  if (found != checkpoint.recorded_digest)
    throw CheckpointError(path + "/model.safetensors: damaged: its weights have digest " + found +
                          " where state.json says " + checkpoint.recorded_digest + "; use another checkpoint");
  return checkpoint;
}

std::shared_ptr<const io::Tokenizer> checkpoint_tokenizer(const std::string& checkpoint_path) {
  const std::string name = checkpoint_path + "/tokenizer.json";
  return io::tokenizer_from_json(read_text(name), name);
}

}  // namespace pipeline
