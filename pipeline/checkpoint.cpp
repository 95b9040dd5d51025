#include "pipeline/checkpoint.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <xxhash.h>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <new>
#include <utility>

#include "compute/cpu.hpp"
#include "io/safetensors.hpp"
#include "pipeline/json.hpp"
#include "pipeline/model_config.hpp"
#include "sched/suspension.hpp"

namespace pipeline {
namespace {

// So much is hashed at a time: about half a millisecond, after which others on the executor have their turn.
constexpr std::size_t hashed_floats_max = 1u << 20;

using HashState = std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)>;

HashState new_hash() {
  HashState state(XXH3_createState(), &XXH3_freeState);
  if (state == nullptr) throw std::bad_alloc();
  return state;
}

std::string hex(XXH128_hash_t hash) {
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::vector<io::TensorView> views(const std::vector<compute::Tensor>& tensors, std::span<const float> floats,
                                  const std::string& prefix) {
  std::vector<io::TensorView> list;
  for (const compute::Tensor& tensor : tensors)
    list.push_back({prefix + tensor.name, tensor.shape, floats.subspan(tensor.offset, tensor.count)});
  return list;
}

sched::task<void> write_text(io::Files& files, std::string path, std::string text) {
  io::OpenFile file = co_await files.open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
  co_await files.write(file, 0, std::as_bytes(std::span(text)));
  co_await files.sync(file);
  co_await files.close(std::move(file));
}

/// Without it transformers guesses a class by the model's type.
std::string tokenizer_config(const CheckpointSource& source) {
  const std::string end = json_string(source.tokenizer.bytes_of(source.tokenizer.end_of_text()));
  return fmt::format(
      "{{\"tokenizer_class\": \"PreTrainedTokenizerFast\", \"bos_token\": {}, \"eos_token\": {}, "
      "\"model_max_length\": {}, \"clean_up_tokenization_spaces\": false}}\n",
      end, end, source.shape.positions);
}

/// XXH3-64 of each tensor; `all` takes in name and bits of every one, as `digest` does.
sched::task<void> hash_tensors(io::Files& files, const std::vector<io::TensorView>& tensors,
                               std::map<std::string, std::string>& checksums, XXH3_state_t* all) {
  const HashState one = new_hash();
  for (const io::TensorView& tensor : tensors) {
    XXH3_64bits_reset(one.get());
    if (all != nullptr) XXH3_128bits_update(all, tensor.name.c_str(), tensor.name.size() + 1);
    for (std::span<const float> rest = tensor.values; !rest.empty();) {
      const std::span<const float> part = rest.first(std::min(rest.size(), hashed_floats_max));
      XXH3_64bits_update(one.get(), part.data(), part.size_bytes());
      if (all != nullptr) XXH3_128bits_update(all, part.data(), part.size_bytes());
      rest = rest.subspan(part.size());
      sched::at_suspension("let others have their turn");
      co_await asio::post(files.executor(), asio::use_awaitable);
    }
    checksums[tensor.name] = fmt::format("{:016x}", XXH3_64bits_digest(one.get()));
  }
}

/// NAME.safetensors, or several files and their index where it would be large.
sched::task<void> write_tensors(io::Files& files, const std::string& folder, const char* name,
                                const std::vector<io::TensorView>& tensors, std::uint64_t shard_bytes_max,
                                CheckpointState& state, std::vector<std::string>& names) {
  const std::vector<io::SafetensorsShard> shards = io::safetensors_shards(name, tensors, shard_bytes_max);
  for (const auto& [file, of_shard] : shards) {
    std::string path = folder + "/" + names.emplace_back(file);
    co_await io::write_safetensors(files, std::move(path), of_shard);
  }
  if (shards.size() == 1) co_return;
  std::string text = io::safetensors_index(shards);
  const std::string index = std::string(name) + ".safetensors.index.json";
  state.files[index] = fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
  std::string path = folder + "/" + names.emplace_back(index);
  co_await write_text(files, std::move(path), std::move(text));
}

}  // namespace

std::string digest(const std::vector<compute::Tensor>& tensors, std::span<const float> weights) {
  const HashState state = new_hash();
  XXH3_128bits_reset(state.get());
  for (const compute::Tensor& tensor : tensors) {
    XXH3_128bits_update(state.get(), tensor.name.c_str(), tensor.name.size() + 1);
    XXH3_128bits_update(state.get(), weights.data() + tensor.offset, tensor.count * sizeof(float));
  }
  return hex(XXH3_128bits_digest(state.get()));
}

sched::task<void> sync_path(io::Files& files, std::string path) {
  io::OpenFile file = co_await files.open(path, O_RDONLY, 0);
  co_await files.sync(file);
  co_await files.close(std::move(file));
}

sched::task<void> write_checkpoint(io::Files& files, std::string folder, const CheckpointSource& source,
                                   ModelImage image, CheckpointState state, std::vector<std::string>& names) {
  co_await files.make_directory(folder);
  const io::TokenId end = source.tokenizer.end_of_text();
  std::vector<std::pair<std::string, std::string>> texts;
  texts.emplace_back("config.json", model_config_json(source.shape, end));
  texts.emplace_back("generation_config.json",
                     fmt::format("{{\"bos_token_id\": {}, \"eos_token_id\": {}}}\n", end, end));
  texts.emplace_back("tokenizer.json", source.tokenizer.to_json());
  texts.emplace_back("tokenizer_config.json", tokenizer_config(source));
  texts.emplace_back("corpus.jsonl", source.manifest);
  for (auto& [name, text] : texts) {
    state.files[name] = fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
    std::string path = folder + "/" + names.emplace_back(name);
    co_await write_text(files, std::move(path), std::move(text));
  }

  const HashState whole = new_hash();
  XXH3_128bits_reset(whole.get());
  std::vector<io::TensorView> tensors = views(source.tensors, image.weights, "");
  co_await hash_tensors(files, tensors, state.tensors["model.safetensors"], whole.get());
  state.digest = hex(XXH3_128bits_digest(whole.get()));
  co_await write_tensors(files, folder, "model", tensors, source.shard_bytes_max, state, names);

  tensors = views(source.tensors, image.moment1, "moment1.");
  const std::vector<io::TensorView> moments2 = views(source.tensors, image.moment2, "moment2.");
  tensors.insert(tensors.end(), moments2.begin(), moments2.end());
  co_await hash_tensors(files, tensors, state.tensors["optimizer.safetensors"], nullptr);
  co_await write_tensors(files, folder, "optimizer", tensors, source.shard_bytes_max, state, names);

  std::string path = folder + "/" + names.emplace_back("state.json");
  std::string text = to_json(state);
  co_await write_text(files, std::move(path), std::move(text));
  co_await sync_path(files, folder);
}

}  // namespace pipeline
