#include <algorithm>
#include <cassert>
#include <cmath>

#include "compute/gpt2_layout.hpp"
#include "compute/random.hpp"

namespace compute {

namespace {

Tensor make_tensor(std::string name, std::vector<std::size_t> shape, std::size_t offset) {
  std::size_t count = 1;
  for (const std::size_t extent : shape) count *= extent;
  const bool decayed = shape.size() == 2;
  return {std::move(name), std::move(shape), offset, count, decayed};
}

void fill_normal(std::span<float> values, const RandomStream& stream, double deviation) {
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const auto [first, second] = stream.normal_pair(i / 2);
    values[i] = static_cast<float>(deviation * first);
    if (i + 1 < values.size()) values[i + 1] = static_cast<float>(deviation * second);
  }
}

}  // namespace

Gpt2Layout gpt2_layout(const Gpt2Shape& shape) noexcept {
  const std::size_t C = shape.channels;
  Gpt2Layout layout{};
  layout.token_embedding = 0;
  layout.position_embedding = aligned_floats(shape.vocabulary * C);
  layout.first_block = layout.position_embedding + aligned_floats(shape.positions * C);
  for (std::size_t i = 0; i < block_tensors.size(); ++i) {
    layout.in_block[i] = layout.block_floats;
    layout.block_floats += aligned_floats(block_tensors[i].floats(C));
  }
  layout.final_gain = layout.first_block + shape.layers * layout.block_floats;
  layout.final_bias = layout.final_gain + aligned_floats(C);
  layout.floats = layout.final_bias + aligned_floats(C);
  return layout;
}

std::vector<Tensor> gpt2_tensors(const Gpt2Shape& shape) {
  const std::size_t C = shape.channels;
  const Gpt2Layout layout = gpt2_layout(shape);
  std::vector<Tensor> tensors;
  tensors.reserve(4 + shape.layers * block_tensors.size());
  tensors.push_back(make_tensor("transformer.wte.weight", {shape.vocabulary, C}, layout.token_embedding));
  tensors.push_back(make_tensor("transformer.wpe.weight", {shape.positions, C}, layout.position_embedding));
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    const std::string block = "transformer.h." + std::to_string(layer) + ".";
    for (std::size_t i = 0; i < block_tensors.size(); ++i) {
      const BlockTensorKind& kind = block_tensors[i];
      std::vector<std::size_t> extents;
      if (kind.inputs != 0) extents.push_back(kind.inputs * C);
      extents.push_back(kind.outputs * C);
      tensors.push_back(make_tensor(block + std::string(kind.name), std::move(extents),
                                    layout.of(layer, static_cast<BlockTensor>(i))));
    }
  }
  tensors.push_back(make_tensor("transformer.ln_f.weight", {C}, layout.final_gain));
  tensors.push_back(make_tensor("transformer.ln_f.bias", {C}, layout.final_bias));
  return tensors;
}

std::size_t gpt2_floats(const Gpt2Shape& shape) {
  return gpt2_layout(shape).floats;
}

std::size_t gpt2_parameters(const Gpt2Shape& shape) {
  std::size_t sum = 0;
  for (const Tensor& tensor : gpt2_tensors(shape)) sum += tensor.count;
  return sum;
}

void gpt2_initialize(std::span<float> weights, const Gpt2Shape& shape, std::uint64_t seed) {
  assert(weights.size() == gpt2_floats(shape));
  constexpr double deviation = 0.02;
  const double residual_deviation = deviation / std::sqrt(2.0 * static_cast<double>(shape.layers));
  std::fill(weights.begin(), weights.end(), 0.0f);
  const auto tensors = gpt2_tensors(shape);
  for (std::size_t site = 0; site < tensors.size(); ++site) {
    const Tensor& tensor = tensors[site];
    const auto values = weights.subspan(tensor.offset, tensor.count);
    const bool is_projection = tensor.name.ends_with("c_proj.weight");
    if (tensor.decayed) {
      const RandomStream stream(seed, RandomPurpose::initialization, static_cast<std::uint32_t>(site));
      fill_normal(values, stream, is_projection ? residual_deviation : deviation);
    } else if (tensor.name.ends_with(".weight")) {
      std::fill(values.begin(), values.end(), 1.0f);  // the gain of a norm
    }
  }
}

}  // namespace compute
