// The embedding on vectors: a row of C floats is added to another, per token. 12 bytes and one addition a float;
// the table's rows are read at random, each a run of cache lines.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/embedding_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>

#include "compute/embedding.hpp"
#include "compute/profile.hpp"
#include "compute/simd_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// out = a + b; out may be a.
HWY_INLINE void AddRow(float* out, const float* a, const float* b, std::size_t C) {
  const Lanes16Tag d;
  ForEachVector(d, C, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
    StorePart(hn::Add(LoadPart(d, a + i, lanes), LoadPart(d, b + i, lanes)), d, out + i, lanes);
  });
}

void EmbeddingForward(Matrix out, ConstMatrix tokens, ConstMatrix positions, const TokenGrid& inputs,
                      std::size_t first_position) {
  for (std::size_t b = 0; b < inputs.B; ++b) {
    for (std::size_t t = 0; t < inputs.T; ++t) {
      AddRow(out.data + (b * inputs.T + t) * out.stride, tokens.data + inputs.at(b, t) * tokens.stride,
             positions.data + (first_position + t) * positions.stride, out.columns);
    }
  }
}

void EmbeddingBackward(Matrix dtokens, Matrix dpositions, ConstMatrix dout, const TokenGrid& inputs) {
  const std::size_t C = dout.columns;
  for (std::size_t t = 0; t < dpositions.rows; ++t) std::fill_n(dpositions.data + t * dpositions.stride, C, 0.0f);
  for (std::size_t b = 0; b < inputs.B; ++b) {
    for (std::size_t t = 0; t < inputs.T; ++t) {
      const float* row = dout.data + (b * inputs.T + t) * dout.stride;
      float* token = dtokens.data + inputs.at(b, t) * dtokens.stride;
      float* position = dpositions.data + t * dpositions.stride;
      AddRow(token, token, row, C);
      AddRow(position, position, row, C);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(EmbeddingForward);
HWY_EXPORT(EmbeddingBackward);

void embedding_forward(Matrix out, ConstMatrix tokens, ConstMatrix positions, const TokenGrid& inputs,
                       std::size_t first_position) noexcept {
  assert(first_position + inputs.T <= positions.rows && out.rows == inputs.count());
  const TimedOperation timed = timed_pass("embedding forward", out.rows * out.columns, 3);
  HWY_DYNAMIC_DISPATCH(EmbeddingForward)(out, tokens, positions, inputs, first_position);
}

void embedding_backward(Matrix dtokens, Matrix dpositions, ConstMatrix dout, const TokenGrid& inputs) noexcept {
  assert(inputs.T <= dpositions.rows && dout.rows == inputs.count());
  const TimedOperation timed = timed_pass("embedding backward", dout.rows * dout.columns, 5);
  HWY_DYNAMIC_DISPATCH(EmbeddingBackward)(dtokens, dpositions, dout, inputs);
}

}  // namespace compute
#endif
