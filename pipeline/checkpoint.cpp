#include "pipeline/checkpoint.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "compute/cpu.hpp"
#include "io/error.hpp"
#include "io/safetensors.hpp"
#include "pipeline/json.hpp"
#include "pipeline/model_config.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view folder_prefix = "step-";
constexpr std::string_view temporary_ending = ".tmp";
constexpr const char* file_names[] = {"config.json",       "generation_config.json",
                                      "model.safetensors", "optimizer.safetensors",
                                      "state.json",        "tokenizer.json"};

std::vector<io::TensorView> views(const std::vector<compute::Tensor>& tensors, std::span<const float> floats,
                                  const std::string& prefix) {
  std::vector<io::TensorView> list;
  for (const compute::Tensor& tensor : tensors)
    list.push_back({prefix + tensor.name, tensor.shape, floats.subspan(tensor.offset, tensor.count)});
  return list;
}

std::string state_json(const TrainSettings& settings, const std::string& weights_digest, const Progress& progress) {
  return fmt::format(R"({{
  "format": 1,
  "arithmetic": {},
  "digest": "{}",
  "step": {},
  "tokens": {},
  "documents": {},
  "seed": {},
  "model": {},
  "tokenizer": {},
  "workers": {},
  "accumulate": {},
  "micro_batch": {},
  "seq_len": {},
  "doc_mask": {},
  "learning_rate": {},
  "weight_decay": {},
  "grad_clip": {},
  "val_fraction": {}
}}
)",
                     compute::arithmetic_version, weights_digest, progress.steps, progress.targets_count,
                     progress.documents_count, settings.seed, json_string(settings.model),
                     json_string(settings.tokenizer), settings.workers, settings.accumulate, settings.micro_batch,
                     settings.seq_len, settings.document_mask, json_number(settings.learning_rate),
                     json_number(settings.weight_decay), json_number(settings.grad_clip),
                     json_number(settings.val_fraction));
}

sched::task<void> write_text(io::Files& files, std::string path, std::string text) {
  io::OpenFile file = co_await files.open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
  co_await files.write(file, 0, std::as_bytes(std::span(text)));
  co_await files.sync(file);
  co_await files.close(std::move(file));
}

sched::task<void> sync_folder(io::Files& files, std::string path) {
  io::OpenFile folder = co_await files.open(path, O_RDONLY | O_DIRECTORY, 0);
  co_await files.sync(folder);
  co_await files.close(std::move(folder));
}

sched::task<void> remove_checkpoint(io::Files& files, std::string folder) {
  for (const char* const name : file_names) {
    try {
      std::string path = folder + "/" + name;
      co_await files.remove_file(std::move(path));
    } catch (const io::FileError&) {
      // Not written before the failure; what matters is that the folder can be removed, which says so if not.
    }
  }
  co_await files.remove_directory(folder);
}

sched::task<void> write_files(io::Files& files, std::string folder, const TrainSettings& settings, const Model& model,
                              const io::Tokenizer& tokenizer, Progress progress) {
  const io::TokenId end = tokenizer.end_of_text();
  std::vector<std::pair<std::string, std::string>> texts;
  texts.emplace_back("config.json", gpt2_config_json(model.shape, end));
  texts.emplace_back("generation_config.json",
                     fmt::format("{{\"bos_token_id\": {}, \"eos_token_id\": {}}}\n", end, end));
  texts.emplace_back("tokenizer.json", tokenizer.to_json());
  texts.emplace_back("state.json", state_json(settings, digest(model.tensors, model.weights.span()), progress));
  for (auto& [name, text] : texts) {
    std::string path = folder + "/" + name;
    co_await write_text(files, std::move(path), std::move(text));
  }
  std::vector<io::TensorView> tensors = views(model.tensors, model.weights.span(), "");
  std::string path = folder + "/model.safetensors";
  co_await io::write_safetensors(files, std::move(path), tensors);
  tensors = views(model.tensors, model.moment1.span(), "moment1.");
  const std::vector<io::TensorView> moments2 = views(model.tensors, model.moment2.span(), "moment2.");
  tensors.insert(tensors.end(), moments2.begin(), moments2.end());
  path = folder + "/optimizer.safetensors";
  co_await io::write_safetensors(files, std::move(path), tensors);
}

/// The whole checkpoints of a run, oldest first: names of equal length sort by step.
std::vector<std::string> whole_checkpoints(const std::string& run) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator it(run + "/checkpoints", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(folder_prefix) && !name.ends_with(temporary_ending) && fs::exists(it->path() / "state.json"))
      found.push_back(it->path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::string digest(const std::vector<compute::Tensor>& tensors, std::span<const float> weights) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), &XXH3_freeState);
  XXH3_128bits_reset(state.get());
  for (const compute::Tensor& tensor : tensors) {
    XXH3_128bits_update(state.get(), tensor.name.c_str(), tensor.name.size() + 1);
    XXH3_128bits_update(state.get(), weights.data() + tensor.offset, tensor.count * sizeof(float));
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

CheckpointWriter::CheckpointWriter(io::Files& files, const TrainSettings& settings, const io::Tokenizer& tokenizer)
    : files_(files), settings_(settings), tokenizer_(tokenizer) {}

sched::task<void> CheckpointWriter::write(const Model& model, Progress progress) {
  const std::string parent = settings_.out + "/checkpoints";
  const std::string folder = fmt::format("{}/{}{:08}", parent, folder_prefix, progress.steps);
  const std::string temporary = folder + std::string(temporary_ending);
  std::exception_ptr failure;
  co_await files_.make_directory(temporary);
  try {
    co_await write_files(files_, temporary, settings_, model, tokenizer_, progress);
    co_await sync_folder(files_, temporary);
    co_await files_.rename(temporary, folder);
    co_await sync_folder(files_, parent);
  } catch (const io::FileError&) {
    failure = std::current_exception();
  }
  if (failure) {
    co_await remove_checkpoint(files_, temporary);
    std::rethrow_exception(failure);
  }
  written_.push_back(folder);
  while (written_.size() > settings_.keep) {
    co_await remove_checkpoint(files_, written_.front());
    written_.erase(written_.begin());
  }
}

std::string find_checkpoint(const std::string& path) {
  if (fs::exists(path + "/state.json")) return path;
  const std::vector<std::string> found = whole_checkpoints(path);
  if (!found.empty()) return found.back();
  throw CheckpointError(path + (fs::exists(path) ? ": holds no whole checkpoint; give the folder of a run (--out)"
                                                 : ": no such folder; give the folder of a run (--out)"));
}

bool holds_run(const std::string& path) {
  return fs::exists(path + "/checkpoints") || fs::exists(path + "/metrics.jsonl");
}

}  // namespace pipeline
