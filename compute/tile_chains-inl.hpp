// For the bodies of vector kernels only, once per target: the chains of a tile of a matrix product, held in registers
// while k runs. Products and attention are made of them.

#if defined(ICOSA_COMPUTE_TILE_CHAINS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_TILE_CHAINS_INL
#undef ICOSA_COMPUTE_TILE_CHAINS_INL
#else
#define ICOSA_COMPUTE_TILE_CHAINS_INL
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "compute/simd_math-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Steps of k between one check for the end and the next. The instructions for it and for the addresses are 3 of 23 a
/// step with AVX2: nothing on a core of one's own, a tenth of the time on one that another thread shares.
inline constexpr std::size_t steps_unrolled = 4;

/// No instruction: what is needed once more cannot be overwritten. g++ 12 lets x86's fused multiply-adds write a sum
/// over a factor at its last use, and then moves and spills sums to have them in place again.
template <class V>
HWY_INLINE void KeepApart([[maybe_unused]] V factor) {
#if HWY_ARCH_X86
  asm volatile("" : : "v"(factor.raw));
#endif
}

/// No instruction: an address of which the compiler knows no more. Left alone g++ 12 counts all addresses of a step
/// from one, with a register, or a place in memory, for each distance.
HWY_INLINE void KeepAddress([[maybe_unused]] const float*& address) {
#if HWY_ARCH_X86
  asm volatile("" : "+r"(address));
#endif
}

/// Where the left factors lie: rows side by side, packed or used transposed, or each row along k, used as stored.
enum class Layout : std::size_t { packed, rows_adjacent, steps_adjacent };

/// The left factors: of row i and step k at data[i * row + k * step]. Packed the step is known to the compiler.
struct LeftFactors {
  const float* data;
  std::size_t row, step;
};

/// One step: sums[i][v] += left(i) * load(right, v).
template <std::size_t Rows, std::size_t Vectors, class D, class Left, class Load>
HWY_INLINE void RunStep(D d, hn::Vec<D> (&sums)[Rows][Vectors], const Left& left, const float* right,
                        const Load& load) {
  hn::Vec<D> factors[Vectors];
  HWY_UNROLL(8)
  for (std::size_t v = 0; v < Vectors; ++v) factors[v] = load(right, v);
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < Rows; ++i) {
    const hn::Vec<D> factor = hn::Set(d, *left(i));
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < Vectors; ++v) sums[i][v] = Fma(d, factor, factors[v], sums[i][v]);
    KeepApart(factor);
  }
  HWY_UNROLL(8)
  for (std::size_t v = 0; v < Vectors; ++v) KeepApart(factors[v]);
}

/// sums[i][v] += left(i, k) * right(k, v) for k in [0, depth), one chain each in rising k. load(b, v): vector v of the
/// step of k whose right factors are at b, `right_step` floats from one to the next.
template <Layout layout, std::size_t Rows, std::size_t Vectors, class D, class Load>
HWY_INLINE void RunChains(D d, hn::Vec<D> (&sums)[Rows][Vectors], std::size_t depth, const LeftFactors& left,
                          const float* right, std::size_t right_step, const Load& load) {
  constexpr bool by_rows = layout == Layout::steps_adjacent;
  constexpr std::size_t addresses = layout == Layout::packed ? 1 : by_rows ? Rows : steps_unrolled;
  const float* a[addresses];
  HWY_UNROLL(16)
  for (std::size_t n = 0; n < addresses; ++n) {
    a[n] = left.data + n * (by_rows ? left.row : left.step);
    KeepAddress(a[n]);
  }
  const auto left_of = [&](std::size_t n, std::size_t i) HWY_ATTR {
    return by_rows ? a[i] + n : layout == Layout::packed ? a[0] + n * left.step + i : a[n] + i;
  };
  const auto move_on = [&](std::size_t steps) HWY_ATTR {
    HWY_UNROLL(16)
    for (std::size_t n = 0; n < addresses; ++n) a[n] += steps * (by_rows ? 1 : left.step);
  };
  const float* HWY_RESTRICT b = right;
  std::size_t k = 0;
  for (; k + steps_unrolled <= depth; k += steps_unrolled) {
    HWY_UNROLL(4)
    for (std::size_t n = 0; n < steps_unrolled; ++n) {
      RunStep(
          d, sums, [&](std::size_t i) HWY_ATTR { return left_of(n, i); }, b + n * right_step, load);
    }
    move_on(steps_unrolled);
    b += steps_unrolled * right_step;
  }
  for (; k < depth; ++k) {
    RunStep(
        d, sums, [&](std::size_t i) HWY_ATTR { return left_of(0, i); }, b, load);
    move_on(1);
    b += right_step;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
