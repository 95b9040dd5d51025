#include "pipeline/presets.hpp"

#include <utility>

namespace pipeline {
namespace {

constexpr Preset all_presets[] = {
    {"quick",
     "Llama, 4 layers of width 64, context 128; what learns most in minutes, with Muon",
     4,
     4,
     64,
     128,
     1,
     3e-3,
     2700,
     {2, 176},
     {1e-2, 1e-2},
     800},
    {"seed", "2 layers of width 64, context 32", 2, 4, 64, 32, 1, 3e-3, 1000},
    {"tiny", "4 layers of width 64, context 128", 4, 4, 64, 128, 1, 3e-3, 1000},
    {"char", "6 layers of width 384, context 256; for bytes", 6, 6, 384, 256, 1, 1e-3, 1000},
    {"small", "6 layers of width 384, context 256; for the gpt2 tokenizer", 6, 6, 384, 256, 1, 1e-3, 1000},
    {"gpt2", "12 layers of width 768, context 256: GPT-2 small", 12, 12, 768, 256, 1, 6e-4, 1000},
    {"gpt2-medium", "24 layers of width 1024, context 256: GPT-2 medium", 24, 16, 1024, 256, 1, 3e-4, 1000},
    {"llama-seed", "Llama, 2 layers of width 64, context 32", 2, 4, 64, 32, 1, 3e-3, 1000, {2, 176}},
    {"llama-tiny", "Llama, 4 layers of width 64, context 128", 4, 4, 64, 128, 1, 3e-3, 1000, {2, 176}},
    {"llama-char", "Llama, 6 layers of width 384, context 256; for bytes", 6, 6, 384, 256, 1, 1e-3, 1000, {2, 1024}},
    {"llama-small",
     "Llama, 6 layers of width 384, context 256; for the gpt2 tokenizer",
     6,
     6,
     384,
     256,
     1,
     1e-3,
     1000,
     {2, 1024}},
    {"llama-110m", "Llama, 12 layers of width 768, context 256", 12, 12, 768, 256, 1, 6e-4, 1000, {4, 2048}},
    {"llama-350m", "Llama, 24 layers of width 1024, context 256", 24, 16, 1024, 256, 1, 3e-4, 1000, {8, 2816}},
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

std::size_t usual_vocabulary(const Preset& preset) noexcept {
  constexpr std::pair<std::string_view, std::size_t> usual[] = {
      {"seed", 500},       {"quick", 4096},      {"tiny", 4096},     {"char", 257},
      {"llama-seed", 500}, {"llama-tiny", 4096}, {"llama-char", 257}};
  for (const auto& [name, tokens] : usual)
    if (name == preset.name) return tokens;
  return 50257;
}

compute::ModelShape shape_of(const Preset& preset, std::size_t vocabulary, std::size_t positions) noexcept {
  compute::ModelShape shape{preset.layers, preset.heads, preset.channels, vocabulary, positions};
  if (preset.llama.hidden == 0) return shape;
  shape.family = compute::Family::llama;
  shape.norm = compute::Norm::rms;
  shape.position_kind = compute::Positions::rotary;
  shape.activation = compute::Activation::swiglu;
  shape.kv_heads = preset.llama.kv_heads;
  shape.own_hidden = preset.llama.hidden;
  shape.qkv_bias = shape.projection_bias = shape.mlp_bias = false;
  return shape;
}

std::string preset_names() {
  std::string names;
  for (const Preset& preset : all_presets) names += (names.empty() ? "" : ", ") + std::string(preset.name);
  return names;
}

}  // namespace pipeline
