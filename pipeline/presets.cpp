#include "pipeline/presets.hpp"

namespace pipeline {
namespace {

constexpr Preset all_presets[] = {
    {"quick", "4 layers of width 64, context 128; what learns most in minutes", 4, 4, 64, 128, 1, 3e-3, 800},
    {"seed", "2 layers of width 64, context 32", 2, 4, 64, 32, 1, 3e-3, 1000},
    {"tiny", "4 layers of width 64, context 128", 4, 4, 64, 128, 1, 3e-3, 1000},
    {"char", "6 layers of width 384, context 256; for bytes", 6, 6, 384, 256, 1, 1e-3, 1000},
    {"small", "6 layers of width 384, context 256; for the gpt2 tokenizer", 6, 6, 384, 256, 1, 1e-3, 1000},
    {"gpt2", "12 layers of width 768, context 256: GPT-2 small", 12, 12, 768, 256, 1, 6e-4, 1000},
};

}  // namespace

std::span<const Preset> presets() noexcept {
  return all_presets;
}

const Preset* find_preset(std::string_view name) noexcept {
  for (const Preset& preset : all_presets)
    if (preset.name == name) return &preset;
  return nullptr;
}

std::string preset_names() {
  std::string names;
  for (const Preset& preset : all_presets) names += (names.empty() ? "" : ", ") + std::string(preset.name);
  return names;
}

}  // namespace pipeline
