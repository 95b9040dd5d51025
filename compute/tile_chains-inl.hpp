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

/// Steps of k between one check for the end and the next. A core of one's own has instructions to spare beside the
/// multiply-adds; one whose other hardware thread is busy starts 3 a cycle on Zen 3, and then each of a step's counts:
/// with AVX2 20 for the product itself and 1.25 for addresses and the end.
inline constexpr std::size_t steps_unrolled = 4;

/// a * b + sum, in the register of `sum`. Where the compiler may choose which of the three to overwrite, g++ 12 takes a
/// factor at its last use, and then moves and spills sums to have them in place again: up to a fifth of a step.
template <class D, class V>
HWY_INLINE V AddProduct([[maybe_unused]] D d, V a, V b, V sum) {
#if HWY_ARCH_X86 && HWY_NATIVE_FMA
  asm("vfmadd231ps %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
#else
  return Fma(d, a, b, sum);
#endif
}

/// *a in all lanes * b + sum, likewise, as one instruction that reads *a itself; unseen by the address sanitizer, for
/// which it is two.
template <class D, class V>
HWY_INLINE V AddBroadcastProduct([[maybe_unused]] D d, const float* a, V b, V sum) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3 && !HWY_IS_ASAN
  static_assert(hn::MaxLanes(D()) == 16);
  asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum.raw) : "v"(b.raw), "m"(*a));
  return sum;
#else
  return Fma(d, hn::Set(d, *a), b, sum);
#endif
}

/// Rows of a tile whose left factors the multiply-adds read themselves, as AVX-512's can: a step of 13 rows and 2
/// vectors is 34 instructions instead of 41, one of 8 rows and a vector 9 instead of 17. Each such row is loaded once
/// for every vector, 22 loads instead of 15, while the 26 multiply-adds leave room for 26. On a Xeon, b packed or not,
/// 3-10 % more of most products while another thread has the core too, and 0-5 % while none has.
constexpr std::size_t RowsFromMemory(std::size_t rows, std::size_t vectors) {
  const std::size_t each = vectors < 3 ? vectors : 3;
  return HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3 ? (rows + each - 1) / each : 0;
}

/// No instruction: a number of which the compiler knows no more. Left alone g++ 12 counts addresses of a step from one
/// another, or moves each of them on, with a register or a place in memory for each.
template <class T>
HWY_INLINE T Opaque(T value) {
#if HWY_ARCH_X86
  asm("" : "+r"(value));
#endif
  return value;
}

HWY_INLINE const float* MovedBy(const float* p, std::size_t bytes) {
  return reinterpret_cast<const float*>(reinterpret_cast<const char*>(p) + bytes);
}
HWY_INLINE float* MovedBy(float* p, std::size_t bytes) {
  return reinterpret_cast<float*>(reinterpret_cast<char*>(p) + bytes);
}

/// A walk through memory, four steps of `step` floats at a time: each place is one address beside the first.
struct Walk {
  static_assert(steps_unrolled == 4);
  explicit HWY_INLINE Walk(std::size_t step)
      : one(Opaque(step * sizeof(float))),
        three(Opaque(3 * step * sizeof(float))),
        four(Opaque(4 * step * sizeof(float))) {}
  HWY_INLINE const float* Place(const float* first, std::size_t n) const {
    return MovedBy(first, n == 3 ? three : n * one);
  }

  std::size_t one, three, four;  ///< bytes
};

/// Where the left factors lie: rows side by side, packed or used transposed, or each row along k, used as stored.
enum class Layout : std::size_t { packed, rows_adjacent, steps_adjacent };

/// The left factors: of row i and step k at data[i * row + k * step]. Packed the step is known to the compiler.
struct LeftFactors {
  const float* data;
  std::size_t row, step;
};

/// Tiles of more rows are short of registers for addresses.
inline constexpr std::size_t addressed_rows_max = 8;

/// Where the rows of left factors are, in bytes from the first. x86's addresses have a register times 1, 2, 4 or 8 in
/// them, so that odd multiples of the distance are enough for many rows: half of the registers. For few they are not
/// worth the longer addresses (2 % of products at width 64 with AVX2).
template <Layout layout, std::size_t Rows>
class RowPlaces {
 public:
  explicit HWY_INLINE RowPlaces(std::size_t row) {
    HWY_UNROLL(8)
    for (std::size_t n = 0; n < count; ++n)
      multiples_[n] = Opaque((odd_only ? 2 * n + 1 : n + 1) * row * sizeof(float));
  }
  HWY_INLINE std::size_t Of(std::size_t i) const {
    if (layout != Layout::steps_adjacent) return i * sizeof(float);
    if (i == 0) return 0;
    if (!odd_only) return multiples_[i - 1];
    std::size_t power = 1;
    while (i % (2 * power) == 0) power *= 2;
    return multiples_[(i / power - 1) / 2] * power;
  }

 private:
  static constexpr bool odd_only = Rows > addressed_rows_max;
  static constexpr std::size_t count = layout != Layout::steps_adjacent ? 0 : odd_only ? Rows / 2 : Rows - 1;
  std::size_t multiples_[count + 1];
};

/// Rows that lie apart, for multiply-adds that read: an address for each row that they read, and for the others a
/// distance from these or twice that. An instruction that computes and reads at a sum of registers counts as two.
template <std::size_t Rows, std::size_t Vectors>
class RowAddresses {
  static constexpr std::size_t count = RowsFromMemory(Rows, Vectors);
  static_assert(Rows <= 3 * count);

 public:
  explicit HWY_INLINE RowAddresses(const LeftFactors& left) : further_(Opaque(count * left.row * sizeof(float))) {
    HWY_UNROLL(16)
    for (std::size_t i = 0; i < count; ++i) first_[i] = Opaque(left.data + i * left.row);
  }
  HWY_INLINE const float* Of(std::size_t i, std::size_t step) const {
    return (i < count ? first_[i] : MovedBy(first_[i % count], i / count * further_)) + step;
  }
  HWY_INLINE void MoveBy(std::size_t steps) {
    HWY_UNROLL(16)
    for (std::size_t i = 0; i < count; ++i) first_[i] = Opaque(first_[i] + steps);
  }

 private:
  const float* first_[count];
  std::size_t further_;  ///< bytes
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
    const float* const at = left(i);
    if (i < RowsFromMemory(Rows, Vectors)) {
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < Vectors; ++v) sums[i][v] = AddBroadcastProduct(d, at, factors[v], sums[i][v]);
    } else {
      const hn::Vec<D> factor = hn::Set(d, *at);
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < Vectors; ++v) sums[i][v] = AddProduct(d, factor, factors[v], sums[i][v]);
    }
  }
}

/// RunChains where one address leads to all rows.
template <Layout layout, std::size_t Rows, std::size_t Vectors, class D, class Load, class Meanwhile>
HWY_INLINE void RunChainsOneAddress(D d, hn::Vec<D> (&sums)[Rows][Vectors], std::size_t depth, const LeftFactors& left,
                                    const float* right, std::size_t right_step, const Load& load,
                                    const Meanwhile& meanwhile) {
  const RowPlaces<layout, Rows> places(left.row);
  constexpr bool one_by_one = layout == Layout::steps_adjacent && Rows > addressed_rows_max;  // steps of b
  constexpr bool a_one_by_one = layout == Layout::rows_adjacent && RowsFromMemory(Rows, Vectors) > 0;
  const auto run_step = [&](const float* a, const float* b) HWY_ATTR __attribute__((always_inline)) {
    RunStep(
        d, sums, [&](std::size_t i) HWY_ATTR { return MovedBy(a, places.Of(i)); }, b, load);
  };
  const Walk a_walk(left.step), b_walk(right_step);
  const float* a = left.data;
  const float* HWY_RESTRICT b = right;
  const float* const whole = right + depth / steps_unrolled * steps_unrolled * right_step;
  const float* const end = right + depth * right_step;
  while (b != whole) {
    meanwhile();
    HWY_UNROLL(4)
    for (std::size_t n = 0; n < steps_unrolled; ++n) {
      run_step(a_one_by_one                      ? a
               : layout == Layout::rows_adjacent ? a_walk.Place(a, n)
                                                 : a + n * left.step,
               one_by_one ? b : b_walk.Place(b, n));
      if (one_by_one) b = Opaque(MovedBy(b, b_walk.one));
      if (a_one_by_one) a = Opaque(MovedBy(a, a_walk.one));
    }
    if (!a_one_by_one)
      a = Opaque(layout == Layout::rows_adjacent ? MovedBy(a, a_walk.four) : a + steps_unrolled * left.step);
    if (!one_by_one) b = Opaque(MovedBy(b, b_walk.four));
  }
  while (b != end) {
    run_step(a, b);
    a += left.step;
    b = MovedBy(b, b_walk.one);
  }
}

/// RunChains where rows lie apart and multiply-adds read. A loop of its own: one for both, over a class for each kind
/// of left factors, cost AVX2 15 % of products, as g++ 12 then kept an address in memory for each row and step.
template <std::size_t Rows, std::size_t Vectors, class D, class Load, class Meanwhile>
HWY_INLINE void RunChainsApart(D d, hn::Vec<D> (&sums)[Rows][Vectors], std::size_t depth, const LeftFactors& left,
                               const float* right, std::size_t right_step, const Load& load,
                               const Meanwhile& meanwhile) {
  constexpr bool one_by_one = Rows > addressed_rows_max;
  RowAddresses<Rows, Vectors> a(left);
  const Walk b_walk(right_step);
  const float* HWY_RESTRICT b = right;
  const float* const whole = right + depth / steps_unrolled * steps_unrolled * right_step;
  const float* const end = right + depth * right_step;
  while (b != whole) {
    meanwhile();
    HWY_UNROLL(4)
    for (std::size_t n = 0; n < steps_unrolled; ++n) {
      RunStep(
          d, sums, [&](std::size_t i) HWY_ATTR { return a.Of(i, n); }, one_by_one ? b : b_walk.Place(b, n), load);
      if (one_by_one) b = Opaque(MovedBy(b, b_walk.one));
    }
    a.MoveBy(steps_unrolled);
    if (!one_by_one) b = Opaque(MovedBy(b, b_walk.four));
  }
  while (b != end) {
    RunStep(
        d, sums, [&](std::size_t i) HWY_ATTR { return a.Of(i, 0); }, b, load);
    a.MoveBy(1);
    b = MovedBy(b, b_walk.one);
  }
}

/// sums[i][v] += left(i, k) * right(k, v) for k in [0, depth), one chain each in rising k. load(b, v): vector v of the
/// step of k whose right factors are at b, `right_step` > 0 floats from one to the next. meanwhile() runs once for
/// every `steps_unrolled` steps.
template <Layout layout, std::size_t Rows, std::size_t Vectors, class D, class Load, class Meanwhile>
HWY_INLINE void RunChains(D d, hn::Vec<D> (&sums)[Rows][Vectors], std::size_t depth, const LeftFactors& left,
                          const float* right, std::size_t right_step, const Load& load, const Meanwhile& meanwhile) {
  if constexpr (layout == Layout::steps_adjacent && RowsFromMemory(Rows, Vectors) > 0) {
    RunChainsApart(d, sums, depth, left, right, right_step, load, meanwhile);
  } else {
    RunChainsOneAddress<layout>(d, sums, depth, left, right, right_step, load, meanwhile);
  }
}

template <Layout layout, std::size_t Rows, std::size_t Vectors, class D, class Load>
HWY_INLINE void RunChains(D d, hn::Vec<D> (&sums)[Rows][Vectors], std::size_t depth, const LeftFactors& left,
                          const float* right, std::size_t right_step, const Load& load) {
  RunChains<layout>(d, sums, depth, left, right, right_step, load, [] {});
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
