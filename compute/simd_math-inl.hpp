// For the bodies of vector kernels only: fused multiply-add, parts of vectors and the exponential, once per target.
// Include it after hwy/foreach_target.h. Everything here has the bits of its plain form.

#if defined(ICOSA_COMPUTE_SIMD_MATH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_SIMD_MATH_INL
#undef ICOSA_COMPUTE_SIMD_MATH_INL
#else
#define ICOSA_COMPUTE_SIMD_MATH_INL
#endif

#include <hwy/highway.h>

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "compute/exp.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// a * b + c, rounded once. The portable targets' MulAdd rounds twice, so they go lane by lane through std::fma.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Fma(D d, V a, V b, V c) {
#if HWY_NATIVE_FMA
  (void)d;
  return hn::MulAdd(a, b, c);
#else
  using T = hn::TFromD<D>;
  HWY_ALIGN T as[HWY_LANES(T)], bs[HWY_LANES(T)], cs[HWY_LANES(T)];
  hn::Store(a, d, as);
  hn::Store(b, d, bs);
  hn::Store(c, d, cs);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) cs[i] = std::fma(as[i], bs[i], cs[i]);
  return hn::Load(d, cs);
#endif
}

/// The first `count` <= Lanes(d) elements at `from`, zeros in the other lanes. Touches nothing behind them.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V LoadPart(D d, const hn::TFromD<D>* from, std::size_t count) {
  if (count == hn::Lanes(d)) return hn::LoadU(d, from);
#if HWY_ARCH_X86 && HWY_NATIVE_FMA
  return hn::MaskedLoad(hn::FirstN(d, count), d, from);  // AVX2 and AVX-512 do not fault on lanes masked off
#else
  using T = hn::TFromD<D>;
  HWY_ALIGN T lanes[HWY_LANES(T)] = {};
  for (std::size_t i = 0; i < count; ++i) lanes[i] = from[i];
  return hn::Load(d, lanes);
#endif
}

/// Writes the first `count` <= Lanes(d) lanes to `to`, and nothing behind them.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void StorePart(V v, D d, hn::TFromD<D>* to, std::size_t count) {
  if (count == hn::Lanes(d)) {
    hn::StoreU(v, d, to);
    return;
  }
#if HWY_ARCH_X86 && HWY_NATIVE_FMA
  hn::BlendedStore(v, hn::FirstN(d, count), d, to);
#else
  using T = hn::TFromD<D>;
  HWY_ALIGN T lanes[HWY_LANES(T)];
  hn::Store(v, d, lanes);
  for (std::size_t i = 0; i < count; ++i) to[i] = lanes[i];
#endif
}

/// candidate > largest ? candidate : largest. x86's own maximum is just that; others differ on zeros and NaNs.
template <class V>
HWY_INLINE V Larger(V candidate, V largest) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
  return hn::Max(candidate, largest);
#else
  return hn::IfThenElse(hn::Gt(candidate, largest), candidate, largest);
#endif
}

/// candidate < smallest ? candidate : smallest, likewise.
template <class V>
HWY_INLINE V Smaller(V candidate, V smallest) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3
  return hn::Min(candidate, smallest);
#else
  return hn::IfThenElse(hn::Lt(candidate, smallest), candidate, smallest);
#endif
}

/// t and p of compute/exp.hpp: x / ln 2 rounded, in t's low bits, and e to the rest. `shift` may bring t's bits a bias.
template <class D, class V, std::size_t N>
HWY_INLINE void ExpOfRest(D d, const V (&x)[N], float shift, V (&t)[N], V (&p)[N]) {
  using namespace exp_constants;
  V rest[N];
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < N; ++i) t[i] = Fma(d, x[i], hn::Set(d, log2_e), hn::Set(d, shift));
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < N; ++i) {
    const V n = hn::Sub(t[i], hn::Set(d, shift));
    rest[i] = Fma(d, n, hn::Set(d, -ln2_low), Fma(d, n, hn::Set(d, -ln2_high), x[i]));
  }
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < N; ++i) p[i] = hn::Set(d, c6);
  HWY_UNROLL(6)
  for (const float c : {c5, c4, c3, c2, 1.0f, 1.0f}) {
    HWY_UNROLL(4)
    for (std::size_t i = 0; i < N; ++i) p[i] = Fma(d, p[i], rest[i], hn::Set(d, c));
  }
}

/// `plain::exp` of each lane; D is a tag of f32 of any width. About 12 instructions a vector.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp(D d, V x) {
  using namespace exp_constants;
  const hn::RebindToUnsigned<D> bits;
  const V from[1] = {x};
  V t[1], p[1];
  ExpOfRest(d, from, shift, t, p);
  const V y = hn::BitCast(d, hn::Add(hn::BitCast(bits, p[0]), hn::ShiftLeft<23>(hn::BitCast(bits, t[0]))));
  const V upper = hn::IfThenElse(hn::Le(x, hn::Set(d, highest)), y, hn::Mul(x, hn::Set(d, infinity)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, lowest)), upper);
}

/// 2^n of `ExpOfRest`, whose `shift` had the exponent's bias added. As a factor of p its product is exact, and NaNs
/// pass through. (No x has x log2_e midway between integers, so the parity of the bias rounds nothing elsewhere.)
template <class D, class V = hn::Vec<D>>
HWY_INLINE V PowerOfTwo(D d, V t) {
  const hn::RebindToUnsigned<D> bits;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(bits, t)));
}
inline constexpr float exponent_bias = 127;

/// Exp of x that are not positive, or NaN, in place: the same bits.
template <class D, class V, std::size_t N>
HWY_INLINE void ExpsOfNonPositive(D d, V (&x)[N]) {
  using namespace exp_constants;
  V t[N], p[N];
  ExpOfRest(d, x, shift + exponent_bias, t, p);
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < N; ++i) {
    x[i] = hn::IfThenZeroElse(hn::Lt(x[i], hn::Set(d, lowest)), hn::Mul(p[i], PowerOfTwo(d, t[i])));
  }
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpOfNonPositive(D d, V x) {
  V only[1] = {x};
  ExpsOfNonPositive(d, only);
  return only[0];
}

/// `plain::sigmoid_of_minus` of each lane, in place.
template <class D, class V, std::size_t N>
HWY_INLINE void SigmoidsOfMinus(D d, V (&z)[N]) {
  using namespace exp_constants;
  const V one = hn::Set(d, 1.0f);
  V t[N], p[N];
  HWY_UNROLL(4)
  for (V& lanes : z) lanes = Larger(hn::Set(d, -sigmoid_limit), Smaller(hn::Set(d, sigmoid_limit), lanes));
  ExpOfRest(d, z, shift + exponent_bias, t, p);
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < N; ++i) z[i] = hn::Div(one, Fma(d, p[i], PowerOfTwo(d, t[i]), one));
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
