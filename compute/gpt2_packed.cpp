#include "compute/gpt2_packed.hpp"

#include <algorithm>
#include <cassert>

#include "compute/profile.hpp"

namespace compute {

namespace {

using enum BlockTensor;

/// Fewer columns of a stored operand are read where they lie. Those of 64 gain by packing in a step, where they come
/// from the third cache (62 -> 75 GFLOP/s with AVX2), though not when they are in the first.
constexpr std::size_t packing_columns_min = 33;

/// From this size on the packed weights go past the caches, which they would fill.
constexpr std::size_t streamed_floats_min = 8 << 20;

struct Extents {
  std::size_t inputs, outputs;
};

Extents extents_of(const ModelShape& shape, BlockTensor weight) noexcept {
  const std::size_t C = shape.channels;
  switch (weight) {
    case attention_weight:
      return {C, shape.qkv_channels()};
    case projection_weight:
      return {shape.attention_channels(), C};
    case expand_weight:
      return {C, shape.hidden_channels()};
    default:
      return {shape.activated_channels(), C};
  }
}

/// The operand of a weight that is stored as `stored_as` takes inputs to outputs; its place comes behind `floats`.
WeightOperand operand(std::size_t offset, Extents extents, As stored_as, Way way, std::size_t& floats) noexcept {
  const bool inputs_first = stored_as == As::stored;
  WeightOperand result{};
  result.offset = offset;
  result.rows = inputs_first ? extents.inputs : extents.outputs;
  result.columns = inputs_first ? extents.outputs : extents.inputs;
  result.as = inputs_first == (way == Way::forward) ? As::stored : As::transposed;
  result.packed_offset = floats;
  if (result.as == As::transposed || result.N() >= packing_columns_min)
    result.packed_floats = packed_floats(result.K(), result.N());
  floats += result.packed_floats;
  return result;
}

}  // namespace

PackedLayout::PackedLayout(const ModelShape& shape) noexcept : layers_(shape.layers), floats_(0) {
  const Gpt2Layout layout = gpt2_layout(shape);
  block_floats_ = layout.block_floats;
  const auto place_blocks = [&](Way way) {
    OneWay& one = ways_[static_cast<std::size_t>(way)];
    one.first = floats_;
    one.block_floats = 0;
    for (std::size_t n = 0; n < block_weights.size(); ++n) {
      const std::size_t i = way == Way::forward ? n : block_weights.size() - 1 - n;
      one.in_first_block[i] = operand(layout.of(0, block_weights[i]), extents_of(shape, block_weights[i]),
                                      weight_as(shape), way, one.block_floats);
    }
    floats_ += layers_ * one.block_floats;
  };
  place_blocks(Way::forward);
  for (const Way way : {Way::forward, Way::backward}) {
    head_[static_cast<std::size_t>(way)] =
        operand(layout.head, {shape.channels, shape.vocabulary}, As::transposed, way, floats_);
  }
  place_blocks(Way::backward);
}

WeightOperand PackedLayout::of(std::size_t layer, BlockTensor tensor, Way way) const noexcept {
  const auto place = std::find(block_weights.begin(), block_weights.end(), tensor);
  assert(place != block_weights.end());
  const OneWay& one = ways_[static_cast<std::size_t>(way)];
  WeightOperand result = one.in_first_block[static_cast<std::size_t>(place - block_weights.begin())];
  result.offset += layer * block_floats_;
  result.packed_offset += one.first + (way == Way::forward ? layer : layers_ - 1 - layer) * one.block_floats;
  return result;
}

std::size_t gpt2_packed_floats(const Gpt2Shape& shape) noexcept {
  return PackedLayout(shape).floats();
}

std::size_t gpt2_pack_edge(const Gpt2Shape& shape, std::size_t offset) noexcept {
  std::size_t edge = offset;
  PackedLayout(shape).for_each_weight([&](const WeightOperand& one, const WeightOperand&) {
    if (offset <= one.offset || offset >= one.offset + one.rows * one.columns) return;
    const std::size_t rows = (offset - one.offset + one.columns - 1) / one.columns;
    const std::size_t whole = (rows + packed_panel_columns() - 1) / packed_panel_columns() * packed_panel_columns();
    edge = one.offset + std::min(whole, one.rows) * one.columns;
  });
  return edge;
}

void gpt2_pack(std::span<float> packed, const Gpt2Shape& shape, std::span<const float> weights, std::size_t first,
               std::size_t last) noexcept {
  const PackedLayout layout(shape);
  assert(packed.size() == layout.floats() && first <= last && last <= weights.size());
  const Store store = layout.floats() >= streamed_floats_min ? Store::streamed : Store::cached;
  layout.for_each_weight([&](const WeightOperand& forward, const WeightOperand& backward) {
    const std::size_t begin = std::max(first, forward.offset) - forward.offset;
    const std::size_t end = std::min(std::max(last, forward.offset) - forward.offset, forward.rows * forward.columns);
    if (begin >= end) return;
    assert(begin % forward.columns == 0 && end % forward.columns == 0);
    const TimedOperation timed = timed_pass("pack weights", end - begin, 3);
    for (const WeightOperand& one : {forward, backward}) {
      if (one.packed_floats == 0) continue;
      pack(packed.data() + one.packed_offset, one.matrix(weights.data()), one.as, begin / one.columns,
           end / one.columns, store);
    }
  });
}

}  // namespace compute
