// The gated linear unit on vectors: forward 12 bytes a float and about 20 instructions a vector, backward 24 and 25,
// with one division each.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/swiglu_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cassert>

#include "compute/profile.hpp"
#include "compute/simd_lanes-inl.hpp"
#include "compute/swiglu.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// The sigmoids of some gates, and gate * sigmoid.
template <class V, std::size_t N>
HWY_INLINE void Silus(Lanes16Tag d, const V (&gate)[N], V (&sigmoid)[N], V (&silu)[N]) {
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < N; ++i) sigmoid[i] = hn::Neg(gate[i]);
  SigmoidsOfMinus(d, sigmoid);
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < N; ++i) silu[i] = hn::Mul(gate[i], sigmoid[i]);
}

void SwigluForward(Matrix out, ConstMatrix both) {
  const Lanes16Tag d;
  using V = hn::Vec<Lanes16Tag>;
  for (std::size_t row = 0; row < out.rows; ++row) {
    const float* gates = both.data + row * both.stride;
    const float* ups = gates + out.columns;
    float* result = out.data + row * out.stride;
    ForEachVectors(d, out.columns, [&](std::size_t i, auto vectors, std::size_t, std::size_t lanes) HWY_ATTR {
      constexpr std::size_t N = decltype(vectors)::value;
      V gate[N], up[N], sigmoid[N], silu[N];
      LoadVectors(d, gates + i, lanes, gate);
      Silus(d, gate, sigmoid, silu);
      LoadVectors(d, ups + i, lanes, up);
      HWY_UNROLL(4)
      for (std::size_t v = 0; v < N; ++v) silu[v] = hn::Mul(silu[v], up[v]);
      StoreVectors(silu, d, result + i, lanes);
    });
  }
}

void SwigluBackward(Matrix dboth, Matrix out, ConstMatrix dout, ConstMatrix both) {
  const Lanes16Tag d;
  using V = hn::Vec<Lanes16Tag>;
  const V one = hn::Set(d, 1.0f);
  const std::size_t F = out.columns;
  for (std::size_t row = 0; row < out.rows; ++row) {
    const float* gates = both.data + row * both.stride;
    const float* from = dout.data + row * dout.stride;
    float* dgates = dboth.data + row * dboth.stride;
    float* result = out.data + row * out.stride;
    ForEachVectors(d, F, [&](std::size_t i, auto vectors, std::size_t, std::size_t lanes) HWY_ATTR {
      constexpr std::size_t N = decltype(vectors)::value;
      V gate[N], up[N], slope[N], sigmoid[N], silu[N];
      LoadVectors(d, gates + i, lanes, gate);
      Silus(d, gate, sigmoid, silu);
      LoadVectors(d, gates + F + i, lanes, up);
      LoadVectors(d, from + i, lanes, slope);
      HWY_UNROLL(4)
      for (std::size_t v = 0; v < N; ++v) {
        const V derivative = Fma(d, silu[v], hn::Sub(one, sigmoid[v]), sigmoid[v]);
        gate[v] = hn::Mul(hn::Mul(slope[v], up[v]), derivative);
        slope[v] = hn::Mul(slope[v], silu[v]);
        up[v] = hn::Mul(silu[v], up[v]);
      }
      StoreVectors(gate, d, dgates + i, lanes);
      StoreVectors(slope, d, dgates + F + i, lanes);
      StoreVectors(up, d, result + i, lanes);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(SwigluForward);
HWY_EXPORT(SwigluBackward);

void swiglu_forward(Matrix out, ConstMatrix both) noexcept {
  assert(both.rows == out.rows && both.columns == 2 * out.columns);
  const TimedOperation timed = timed_pass("swiglu forward", out.rows * out.columns, 3);
  HWY_DYNAMIC_DISPATCH(SwigluForward)(out, both);
}

void swiglu_backward(Matrix dboth, Matrix out, ConstMatrix dout, ConstMatrix both) noexcept {
  assert(both.rows == out.rows && both.columns == 2 * out.columns);
  assert(dboth.rows == out.rows && dboth.columns == both.columns);
  assert(dout.rows == out.rows && dout.columns == out.columns);
  const TimedOperation timed = timed_pass("swiglu backward", out.rows * out.columns, 6);
  HWY_DYNAMIC_DISPATCH(SwigluBackward)(dboth, out, dout, both);
}

}  // namespace compute
#endif
