#pragma once

// What --model names: a preset, a config.json as Hugging Face has them, or a model whose weights a run begins with.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "compute/model_shape.hpp"
#include "pipeline/memory.hpp"
#include "pipeline/presets.hpp"
#include "pipeline/settings.hpp"

namespace pipeline {

/// Muon's peak learning rate where neither the user nor the preset says one: its authors'.
inline constexpr double usual_muon_learning_rate = 0.02;

/// What a run with that preset takes where nothing else is said; nullptr: a model from files.
OptimizerKind usual_optimizer(const Preset* preset) noexcept;

struct ModelChoice {
  const Preset* preset = nullptr;  ///< where a preset is named; the rest is empty then
  std::string folder;              ///< config.json, model.safetensors and tokenizer.json lie there; or empty
  std::string config;              ///< path of config.json
  compute::ModelShape shape{};     ///< that it asks for
  std::vector<std::string> notes;  ///< what else it asks for and a run does not take from it, for the user

  /// The model of a run with that tokenizer. Throws SettingsError where the tokenizer has ids that it does not know.
  compute::ModelShape shape_for(std::size_t vocabulary, std::size_t positions) const;

  // What a run takes where nothing else is said.
  OptimizerKind optimizer() const noexcept { return usual_optimizer(preset); }
  double learning_rate(OptimizerKind optimizer) const noexcept;
  double muon_learning_rate() const noexcept;
  std::size_t seq_len() const noexcept;
  std::size_t micro_batch() const noexcept;
  std::uint64_t steps(std::size_t vocabulary) const noexcept;
};

/// Reads the configuration that is named. A run stands for its newest checkpoint. Throws SettingsError or
/// CheckpointError.
ModelChoice choose_model(const std::string& name);

/// The weights that the run begins with, verified where there are checksums. Requires a folder. Throws CheckpointError.
FloatArena read_first_weights(const ModelChoice& choice);

/// Where the tokenizer lies that belongs to what --model names, or "" where it names no folder.
std::string tokenizer_beside(const std::string& model);

}  // namespace pipeline
