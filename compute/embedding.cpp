#include "compute/embedding.hpp"

#include <algorithm>
#include <cassert>

namespace compute::plain {

void embedding_forward(Matrix out, ConstMatrix tokens, ConstMatrix positions, const TokenGrid& inputs,
                       std::size_t first_position) noexcept {
  for (std::size_t b = 0; b < inputs.B; ++b) {
    for (std::size_t t = 0; t < inputs.T; ++t) {
      const float* token = tokens.data + inputs.at(b, t) * tokens.stride;
      const float* position = positions.data + (first_position + t) * positions.stride;
      float* row = out.data + (b * inputs.T + t) * out.stride;
      if (positions.rows == 0) {
        std::copy_n(token, out.columns, row);
      } else {
        for (std::size_t c = 0; c < out.columns; ++c) row[c] = token[c] + position[c];
      }
    }
  }
}

void embedding_backward(Matrix dtokens, Matrix dpositions, ConstMatrix dout, const TokenGrid& inputs) noexcept {
  assert(dpositions.rows == 0 || inputs.T <= dpositions.rows);
  for (std::size_t t = 0; t < dpositions.rows; ++t)
    std::fill_n(dpositions.data + t * dpositions.stride, dpositions.columns, 0.0f);
  for (std::size_t b = 0; b < inputs.B; ++b) {
    for (std::size_t t = 0; t < inputs.T; ++t) {
      const float* row = dout.data + (b * inputs.T + t) * dout.stride;
      float* token = dtokens.data + inputs.at(b, t) * dtokens.stride;
      float* position = dpositions.data + t * dpositions.stride;
      for (std::size_t c = 0; c < dout.columns; ++c) token[c] += row[c];
      if (dpositions.rows == 0) continue;
      for (std::size_t c = 0; c < dout.columns; ++c) position[c] += row[c];
    }
  }
}

}  // namespace compute::plain
