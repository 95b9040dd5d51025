#pragma once

// The first layer: a token's embedding plus its position's; and the way back, which is a scatter in token order. The
// token embedding is also the head's matrix, so its gradient is added to what the head left there.

#include <cstddef>

#include "compute/matrix.hpp"
#include "compute/token_grid.hpp"

namespace compute {

/// out[b*T + t] = tokens[inputs.at(b, t)] + positions[first_position + t].
///   out: (B*T, C). tokens: (V, C). positions: (>= first_position + T, C), or no rows: then nothing is added.
void embedding_forward(Matrix out, ConstMatrix tokens, ConstMatrix positions, const TokenGrid& inputs,
                       std::size_t first_position) noexcept;

/// The gradient with respect to both tables.
///   dtokens: (V, C), added to: for each token in order, dtokens[id] += dout[token].
///   dpositions: written whole: row t is +0 plus dout of every sequence's position t, sequences in order; rows without
///   a position are +0. No rows: there is none.
///   dout: (B*T, C). Requires first_position == 0.
void embedding_backward(Matrix dtokens, Matrix dpositions, ConstMatrix dout, const TokenGrid& inputs) noexcept;

namespace plain {
void embedding_forward(Matrix out, ConstMatrix tokens, ConstMatrix positions, const TokenGrid& inputs,
                       std::size_t first_position) noexcept;
void embedding_backward(Matrix dtokens, Matrix dpositions, ConstMatrix dout, const TokenGrid& inputs) noexcept;
}  // namespace plain

}  // namespace compute
