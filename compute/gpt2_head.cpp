#include "compute/gpt2_head.hpp"

#include <algorithm>

#include "compute/cross_entropy.hpp"

namespace compute {

namespace {

ConstMatrix head_of(const Gpt2Model& model) noexcept {
  return dense(model.weights + model.layout.token_embedding, model.shape.vocabulary, model.shape.channels);
}

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
    multiply(logits, piece(space.normed, first, count, model.shape.channels), As::stored, head_of(model),
             As::transposed, nullptr, space.scratch);
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
    multiply(logits, normed, As::stored, head_of(model), As::transposed, nullptr, space.scratch);
    nats = cross_entropy_gradient(nats, logits, {targets, targets_count, first, terms});

    if (first == 0) {
      multiply(dense(dhead, V, C), logits, As::transposed, normed, As::stored, nullptr, space.scratch);
    } else {
      multiply_add(dense(dhead, V, C), logits, As::transposed, normed, As::stored, space.scratch);
    }
    multiply(piece(space.dnormed, first, count, C), logits, As::stored, head_of(model), As::stored, nullptr,
             space.scratch);
  }
  return nats;
}

}  // namespace compute
