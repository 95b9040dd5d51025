#include "compute/gpt2_head.hpp"

#include <algorithm>

namespace compute {

namespace {

/// Tokens [first, first + count) of a pass and what stands for them.
struct Piece {
  const Gpt2Model& model;
  const Gpt2Workspace& space;
  LossRows rows;
  Matrix normed, logits;
  LossSums sums;

  Piece(const Gpt2Model& model, const Gpt2Workspace& space, const LossRows& rows, std::size_t count) noexcept
      : model(model),
        space(space),
        rows(rows),
        normed(tokens_of(space.normed, count)),
        logits{space.logits, count, model.shape.vocabulary, logits_stride(model.shape.vocabulary)},
        sums(LossSums::in(space.loss_sums, count, model.shape.vocabulary)) {}

  Matrix tokens_of(float* buffer, std::size_t count) const noexcept {
    const std::size_t C = model.shape.channels;
    return dense(buffer + rows.first * C, count, C);
  }

  /// `nats` plus the losses; exponentials stand in the logits' place.
  double losses(double nats) const noexcept {
    multiply_weight(
        model, logits, normed, model.packed_layout.head(Way::forward), nullptr, space,
        {.for_each = [this](const ResultPiece& piece) { cross_entropy_exponentials(logits, sums, piece, rows); }});
    return cross_entropy_losses(nats, sums, logits.columns, rows);
  }

  /// The gradients of the head's matrix and of `normed`.
  void gradients(float* dhead, Into into) const noexcept {
    const WeightOperand head = model.packed_layout.head(Way::backward);
    const Matrix dnormed = tokens_of(space.dnormed, logits.rows);
    const std::size_t C = dnormed.columns;
    for (std::size_t first = 0; first < logits.columns; first += dlogit_columns) {
      const std::size_t columns = std::min(dlogit_columns, logits.columns - first);
      const Matrix dlogits{space.dlogits, logits.rows, columns, logits_stride(columns)};
      cross_entropy_gradient(dlogits, logits, first, sums, rows);

      multiply_gradient(model, dense(dhead + first * C, columns, C), into, dlogits, normed, space);
      multiply_weight_steps(model, dnormed, dlogits, head, first, space);
    }
  }
};

}  // namespace

double gpt2_head_loss(const Gpt2Model& model, const TokenGrid& targets, TargetRange range, double nats,
                      const Gpt2Workspace& space) noexcept {
  for (std::size_t first = range.begin; first < range.end; first += logit_rows) {
    const Piece piece(model, space, {targets, range.end, first}, std::min(logit_rows, range.end - first));
    nats = piece.losses(nats);
  }
  return nats;
}

double gpt2_head_gradient(float* dhead, Into into, const Gpt2Model& model, const TokenGrid& targets,
                          std::size_t targets_count, const Gpt2Workspace& space, const LossTerms& terms) noexcept {
  const std::size_t tokens = targets.count();
  double nats = 0;
  for (std::size_t first = 0; first < tokens; first += logit_rows) {
    const Piece piece(model, space, {targets, targets_count, first, terms}, std::min(logit_rows, tokens - first));
    nats = piece.losses(nats);
    piece.gradients(dhead, first == 0 ? into : Into::added);
  }
  return nats;
}

}  // namespace compute
