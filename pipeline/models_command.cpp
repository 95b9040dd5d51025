#include <fmt/format.h>

#include "compute/gpt2.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/presets.hpp"

namespace pipeline {
namespace {

/// "134,592".
std::string grouped(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t end = text.size(); end > 3; end -= 3) text.insert(end - 3, 1, ',');
  return text;
}

}  // namespace

int models_command(std::size_t vocabulary) {
  fmt::print("{:<12}  {:>11}  {:>6}  {:>5}  {:>8}  {:>7}  {:>10}  {}\n", "preset", "parameters", "layers", "width",
             "heads", "context", "vocabulary", "what it is");
  for (const Preset& preset : presets()) {
    const std::size_t tokens = vocabulary != 0 ? vocabulary : usual_vocabulary(preset);
    const compute::ModelShape shape = shape_of(preset, tokens, preset.seq_len);
    const std::string heads = shape.kv_head_count() == shape.heads
                                  ? fmt::format("{}", shape.heads)
                                  : fmt::format("{}, {} kv", shape.heads, shape.kv_head_count());
    fmt::print("{:<12}  {:>11}  {:>6}  {:>5}  {:>8}  {:>7}  {:>10}  {}\n", preset.name,
               grouped(compute::gpt2_parameters(shape)), shape.layers, shape.channels, heads, preset.seq_len,
               grouped(tokens), preset.description);
  }
  return 0;
}

}  // namespace pipeline
