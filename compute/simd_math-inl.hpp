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

/// t and p of compute/exp.hpp: x / ln 2 rounded, in t's low bits, and e to the rest. `shift` may bring t's bits a bias.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpOfRest(D d, V x, float shift, V& t) {
  using namespace exp_constants;
  t = Fma(d, x, hn::Set(d, log2_e), hn::Set(d, shift));
  const V n = hn::Sub(t, hn::Set(d, shift));
  const V r = Fma(d, n, hn::Set(d, -ln2_low), Fma(d, n, hn::Set(d, -ln2_high), x));
  V p = Fma(d, hn::Set(d, c6), r, hn::Set(d, c5));
  p = Fma(d, p, r, hn::Set(d, c4));
  p = Fma(d, p, r, hn::Set(d, c3));
  p = Fma(d, p, r, hn::Set(d, c2));
  p = Fma(d, p, r, hn::Set(d, 1.0f));
  p = Fma(d, p, r, hn::Set(d, 1.0f));
  return p;
}

/// `plain::exp` of each lane; D is a tag of f32 of any width. About 12 instructions a vector.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp(D d, V x) {
  using namespace exp_constants;
  const hn::RebindToUnsigned<D> bits;
  V t;
  const V p = ExpOfRest(d, x, shift, t);
  const V y = hn::BitCast(d, hn::Add(hn::BitCast(bits, p), hn::ShiftLeft<23>(hn::BitCast(bits, t))));
  const V upper = hn::IfThenElse(hn::Le(x, hn::Set(d, highest)), y, hn::Mul(x, hn::Set(d, infinity)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, lowest)), upper);
}

/// Exp of x that are not positive, or NaN: the same bits. 2^n is a factor here, whose product is exact, so that NaNs
/// pass through; its exponent's bias is in the shift (no x has x log2_e midway between integers, so the parity of the
/// bias rounds nothing elsewhere).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpOfNonPositive(D d, V x) {
  using namespace exp_constants;
  const hn::RebindToUnsigned<D> bits;
  V t;
  const V p = ExpOfRest(d, x, shift + 127, t);
  const V power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(bits, t)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, lowest)), hn::Mul(p, power));
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
