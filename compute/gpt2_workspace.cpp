#include "compute/gpt2_workspace.hpp"

#include <algorithm>

#include "compute/attention.hpp"
#include "compute/gpt2_head.hpp"
#include "compute/gpt2_layout.hpp"
#include "compute/gpt2_parts.hpp"
#include "compute/product.hpp"

namespace compute {

namespace {

/// Hands out buffers one after the other, each on a cache line of its own.
class Places {
 public:
  explicit Places(float* base) : base_(base) {}

  float* take(std::size_t count) noexcept {
    float* place = base_ == nullptr ? nullptr : base_ + used_;
    used_ += aligned_floats(count);
    return place;
  }
  PerLayer take_each(std::size_t layers, std::size_t count) noexcept {
    return {take(layers * aligned_floats(count)), aligned_floats(count)};
  }
  PerLayer take_shared(std::size_t count) noexcept { return {take(count), 0}; }

  std::size_t used() const noexcept { return used_; }

 private:
  float* base_;
  std::size_t used_ = 0;
};

}  // namespace

Gpt2Workspace gpt2_workspace(const Gpt2Shape& shape, std::size_t B, std::size_t T, Gpt2Pass pass,
                             float* base) noexcept {
  const std::size_t C = shape.channels;
  const std::size_t tokens = B * T;
  const bool kept = pass == Gpt2Pass::gradient;
  const bool backward = kept || pass == Gpt2Pass::gradient_recomputed;
  const bool generate = pass == Gpt2Pass::generate;
  Places places(base);
  const auto kept_if = [&](bool each, std::size_t layers, std::size_t count) {
    return each ? places.take_each(layers, count) : places.take_shared(count);
  };

  Gpt2Workspace space{};
  space.tokens = tokens;
  space.residual = kept_if(backward, shape.layers + 1, tokens * C);
  space.qkv = kept_if(kept || generate, shape.layers, tokens * shape.qkv_channels());
  space.statistics = kept_if(kept, shape.layers, generate ? 0 : attention_shape(shape, B, T).statistics_floats());
  if (shape.qk_norm) {
    space.unnormed = kept_if(kept, shape.layers, tokens * (shape.attention_channels() + shape.kv_channels()));
    space.head_rstds = kept_if(kept, shape.layers, tokens * (shape.heads + shape.kv_head_count()));
  }
  space.attended = kept_if(kept, shape.layers, tokens * shape.attention_channels());
  space.middle = kept_if(kept, shape.layers, tokens * C);
  space.hidden = kept_if(kept, shape.layers, tokens * shape.hidden_channels());
  space.normed = places.take(tokens * C);
  space.means = places.take(tokens);
  space.rstds = places.take(tokens);
  if (backward) {
    space.dresidual = places.take(tokens * C);
    space.dnormed = places.take(tokens * std::max(C, shape.attention_channels()));
    if (gpt2_gradient_adds(tokens)) {
      space.aside = places.take(tokens * C);
      space.vectors = places.take(std::max(
          {shape.hidden_channels(), shape.qkv_channels(), 2 * aligned_floats(std::max(C, shape.head_channels()))}));
    }
  }

  const std::size_t activated = aligned_floats(tokens * shape.activated_channels());
  const std::size_t wide = aligned_floats(tokens * std::max(shape.hidden_channels(), shape.qkv_channels()));
  const std::size_t logits = (generate ? 0 : std::min(tokens, logit_rows)) * logits_stride(shape.vocabulary);
  space.logits = places.take(std::max(logits, backward ? activated + wide : activated));
  space.activated = space.logits;
  if (backward) space.dwide = base == nullptr ? nullptr : space.logits + activated;
  if (!generate) {
    const std::size_t rows = std::min(tokens, logit_rows);
    space.loss_sums = places.take(LossSums::floats(rows, shape.vocabulary));
    if (backward) space.dlogits = places.take(rows * logits_stride(std::min(dlogit_columns, shape.vocabulary)));
  }

  space.scratch = places.take(product_scratch_floats + attention_scratch_floats(attention_shape(shape, B, T)));
  space.floats = places.used();
  return space;
}

std::size_t gpt2_workspace_floats(const Gpt2Shape& shape, std::size_t B, std::size_t T, Activations activations) {
  const Gpt2Pass pass = activations == Activations::kept ? Gpt2Pass::gradient : Gpt2Pass::gradient_recomputed;
  return gpt2_workspace(shape, B, T, pass, nullptr).floats;
}

std::size_t gpt2_forward_workspace_floats(const Gpt2Shape& shape, std::size_t B, std::size_t T) {
  const std::size_t loss = gpt2_workspace(shape, B, T, Gpt2Pass::loss, nullptr).floats;
  const std::size_t generate = gpt2_workspace(shape, 1, T, Gpt2Pass::generate, nullptr).floats;
  return std::max(loss, B == 1 ? generate : 0);
}

}  // namespace compute
