// The GELU on vectors: forward 8 bytes a float and about 20 instructions a vector, backward 16 and 25; one division
// each.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/gelu_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cassert>

#include "compute/gelu.hpp"
#include "compute/profile.hpp"
#include "compute/simd_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// The sigmoids of 2u, and t = x^2.
template <class V, std::size_t N>
HWY_INLINE void GeluSigmoids(Lanes16Tag d, const V (&x)[N], V (&square)[N], V (&sigmoid)[N]) {
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < N; ++i) square[i] = hn::Mul(x[i], x[i]);
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < N; ++i) {
    sigmoid[i] = hn::Mul(x[i], Fma(d, hn::Set(d, -gelu_cubic), square[i], hn::Set(d, -gelu_slope)));
  }
  SigmoidsOfMinus(d, sigmoid);
}

void GeluForward(float* out, const float* x, std::size_t count) {
  const Lanes16Tag d;
  using V = hn::Vec<Lanes16Tag>;
  ForEachVectors(d, count, [&](std::size_t i, auto vectors, std::size_t, std::size_t lanes) HWY_ATTR {
    constexpr std::size_t N = decltype(vectors)::value;
    V input[N], square[N], sigmoid[N];
    LoadVectors(d, x + i, lanes, input);
    GeluSigmoids(d, input, square, sigmoid);
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < N; ++v) input[v] = hn::Mul(input[v], sigmoid[v]);
    StoreVectors(input, d, out + i, lanes);
  });
}

void GeluBackward(float* dx, float* out, const float* dout, const float* x, std::size_t count) {
  const Lanes16Tag d;
  using V = hn::Vec<Lanes16Tag>;
  ForEachVectors(d, count, [&](std::size_t i, auto vectors, std::size_t, std::size_t lanes) HWY_ATTR {
    constexpr std::size_t N = decltype(vectors)::value;
    V input[N], square[N], sigmoid[N], from[N];
    LoadVectors(d, x + i, lanes, input);
    GeluSigmoids(d, input, square, sigmoid);
    LoadVectors(d, dout + i, lanes, from);
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < N; ++v) {
      const V result = hn::Mul(input[v], sigmoid[v]);
      const V slope = Fma(d, hn::Set(d, gelu_cubic_3), square[v], hn::Set(d, gelu_slope));
      const V curve = Fma(d, hn::Neg(result), sigmoid[v], result);
      from[v] = hn::Mul(from[v], Fma(d, curve, slope, sigmoid[v]));
      input[v] = result;
    }
    StoreVectors(from, d, dx + i, lanes);
    StoreVectors(input, d, out + i, lanes);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(GeluForward);
HWY_EXPORT(GeluBackward);

void gelu_forward(std::span<float> out, std::span<const float> x) noexcept {
  assert(out.size() == x.size());
  const TimedOperation timed = timed_pass("gelu forward", x.size(), 2);
  HWY_DYNAMIC_DISPATCH(GeluForward)(out.data(), x.data(), x.size());
}

void gelu_backward(std::span<float> dx, std::span<float> out, std::span<const float> dout,
                   std::span<const float> x) noexcept {
  assert(dx.size() == x.size() && out.size() == x.size() && dout.size() == x.size());
  const TimedOperation timed = timed_pass("gelu backward", x.size(), 4);
  HWY_DYNAMIC_DISPATCH(GeluBackward)(dx.data(), out.data(), dout.data(), x.data(), x.size());
}

}  // namespace compute
#endif
