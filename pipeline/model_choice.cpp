#include "pipeline/model_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "pipeline/checkpoint_folders.hpp"
#include "pipeline/pretrained.hpp"
#include "pipeline/settings.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

// Of models that no preset describes: what GPT-2 and Llama of some hundred million parameters learn well with.
constexpr double learning_rate_of_files = 3e-4;
constexpr std::size_t seq_len_of_files_max = 1024;
constexpr std::uint64_t steps_of_files = 1000;

bool has_muon(const Preset* preset) noexcept {
  return preset != nullptr && preset->muon.learning_rate > 0;
}

/// The folder with the model, where `name` is one or a run.
std::string model_folder(const std::string& name) {
  if (fs::exists(name + "/config.json")) return name;
  const std::vector<std::string> checkpoints = list_checkpoints(name);
  return checkpoints.empty() ? "" : checkpoints.back();
}

}  // namespace

compute::ModelShape ModelChoice::shape_for(std::size_t vocabulary, std::size_t positions) const {
  if (preset != nullptr) return shape_of(*preset, vocabulary, positions);
  if (vocabulary > shape.vocabulary)
    throw SettingsError(fmt::format("--tokenizer: it has {} ids where {} says {}; take the model's own", vocabulary,
                                    config, shape.vocabulary));
  if (positions > shape.positions)
    throw SettingsError(fmt::format("--seq-len {}: {} says {} positions", positions, config, shape.positions));
  return shape;
}

OptimizerKind usual_optimizer(const Preset* preset) noexcept {
  return has_muon(preset) ? OptimizerKind::muon : OptimizerKind::adamw;
}

double ModelChoice::learning_rate(OptimizerKind optimizer) const noexcept {
  if (preset == nullptr) return learning_rate_of_files;
  return optimizer == OptimizerKind::muon && has_muon(preset) ? preset->muon.adamw_rate : preset->learning_rate;
}

double ModelChoice::muon_learning_rate() const noexcept {
  return has_muon(preset) ? preset->muon.learning_rate : usual_muon_learning_rate;
}

std::size_t ModelChoice::seq_len() const noexcept {
  return preset != nullptr ? preset->seq_len : std::min(shape.positions, seq_len_of_files_max);
}

std::size_t ModelChoice::micro_batch() const noexcept {
  return preset != nullptr ? preset->micro_batch : 1;
}

std::uint64_t ModelChoice::steps(std::size_t vocabulary) const noexcept {
  if (preset == nullptr) return steps_of_files;
  const bool is_large = vocabulary > small_vocabulary_max && preset->steps_with_large_vocabulary != 0;
  return is_large ? preset->steps_with_large_vocabulary : preset->steps;
}

ModelChoice choose_model(const std::string& name) {
  ModelChoice choice;
  choice.preset = find_preset(name);
  if (choice.preset != nullptr) return choice;
  if (fs::is_directory(name)) {
    choice.folder = model_folder(name);
    if (choice.folder.empty())
      throw SettingsError("--model " + name + ": neither a model (it has no config.json) nor a run with checkpoints");
    choice.config = choice.folder + "/config.json";
    if (!fs::exists(choice.folder + "/model.safetensors") &&
        !fs::exists(choice.folder + "/model.safetensors.index.json"))
      throw SettingsError("--model " + name + ": has no model.safetensors; to begin with random weights give " +
                          choice.config);
  } else if (name.ends_with(".json")) {
    choice.config = name;
  } else {
    throw SettingsError(fmt::format("--model {}: no such preset, and no folder; there are {}", name, preset_names()));
  }
  choice.shape = read_model_config(choice.config, &choice.notes);
  return choice;
}

FloatArena read_first_weights(const ModelChoice& choice) {
  std::vector<std::string> damaged;
  Checkpoint model = read_model(choice.folder, damaged);
  return std::move(model.weights);
}

std::string tokenizer_beside(const std::string& model) {
  if (find_preset(model) != nullptr || !fs::is_directory(model)) return "";
  const std::string folder = model_folder(model);
  return fs::exists(folder + "/state.json") ? folder + "/tokenizer.json" : folder;
}

}  // namespace pipeline
