#include "compute/gpt2_head.hpp"

#include <algorithm>

#include "compute/cross_entropy.hpp"

namespace compute {

namespace {

/// Tokens [first, first + count) of a (tokens, columns) buffer.
Matrix piece(float* buffer, std::size_t first, std::size_t count, std::size_t columns) noexcept {
  return dense(buffer + first * columns, count, columns);
}

}  // namespace

double gpt2_head_loss(const Gpt2Model& model, const TokenGrid& targets, TargetRange range, double nats,
                      const Gpt2Workspace& space) noexcept {
  for (std::size_t first = range.begin; first < range.end; first += logit_rows) {
    const std::size_t count = std::min(logit_rows, range.end - first);
    const Matrix logits = dense(space.logits, count, model.shape.vocabulary);
    multiply_weight(model, logits, piece(space.normed, first, count, model.shape.channels),
                    model.packed_layout.head(Way::forward), nullptr, space);
    nats = cross_entropy_loss(nats, logits, {targets, range.end, first});
  }
  return nats;
}

double gpt2_head_gradient(float* dhead, const Gpt2Model& model, const TokenGrid& targets, std::size_t targets_count,
                          const Gpt2Workspace& space, const LossTerms& terms) noexcept {
  const std::size_t tokens = targets.count();
  const std::size_t C = model.shape.channels;
  const std::size_t V = model.shape.vocabulary;
  double nats = 0;
  for (std::size_t first = 0; first < tokens; first += logit_rows) {
    const std::size_t count = std::min(logit_rows, tokens - first);
    const Matrix normed = piece(space.normed, first, count, C);
    const Matrix logits = dense(space.logits, count, V);
    multiply_weight(model, logits, normed, model.packed_layout.head(Way::forward), nullptr, space);
    nats = cross_entropy_gradient(nats, logits, {targets, targets_count, first, terms});

    if (first == 0) {
      multiply(dense(dhead, V, C), logits, As::transposed, normed, As::stored, nullptr, space.scratch,
               gradient_store(model.layout));
    } else {
      multiply_add(dense(dhead, V, C), logits, As::transposed, normed, As::stored, space.scratch);
    }
    multiply_weight(model, piece(space.dnormed, first, count, C), logits, model.packed_layout.head(Way::backward),
                    nullptr, space);
  }
  return nats;
}

}  // namespace compute
