#pragma once

// The models that have a name, and what trains them well.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "compute/model_shape.hpp"

namespace pipeline {

/// What a preset of Llama's family says beyond GPT-2's; zeros: it is of GPT-2's.
struct LlamaPreset {
  std::size_t kv_heads = 0, hidden = 0;
};

/// Of a preset that has Muon where nothing else is said; zeros: it has not.
struct MuonPreset {
  double learning_rate = 0;  ///< peak, unless said otherwise
  double adamw_rate = 0;     ///< the same of what Muon leaves to AdamW
};

struct Preset {
  std::string_view name;
  std::string_view description;
  std::size_t layers, heads, channels, seq_len;
  std::size_t micro_batch;  ///< rows of a micro-batch, unless said otherwise
  double learning_rate;     ///< peak, unless said otherwise
  std::uint64_t steps;      ///< length of a run, unless said otherwise
  LlamaPreset llama = {};
  MuonPreset muon = {};
  std::uint64_t steps_with_large_vocabulary = 0;  ///< steps with more than small_vocabulary_max ids; 0: as many
};

/// Beyond it the head is most of a narrow model's arithmetic, and a step takes several times as long.
inline constexpr std::size_t small_vocabulary_max = 16'384;

/// The preset that a run takes when none is named.
inline constexpr std::string_view default_preset = "quick";

std::span<const Preset> presets() noexcept;

/// nullptr where there is none of that name.
const Preset* find_preset(std::string_view name) noexcept;

/// Tokens that the preset is usually trained with.
std::size_t usual_vocabulary(const Preset& preset) noexcept;

/// The model of that preset, its head tied to the token embedding.
compute::ModelShape shape_of(const Preset& preset, std::size_t vocabulary, std::size_t positions) noexcept;

/// "quick, seed, tiny, ...": for messages.
std::string preset_names();

}  // namespace pipeline
