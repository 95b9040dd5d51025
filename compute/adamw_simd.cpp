// AdamW on vectors. The update moves 28 bytes a parameter (reads four arrays, writes three), so beyond the caches it is
// bound by memory: 1.5-2 ns on a core with 15-20 GB/s; the root and two divisions hide behind that. Square sums and
// sums move 4 and 12 bytes.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/adamw_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>

#include "compute/adamw.hpp"
#include "compute/profile.hpp"
#include "compute/simd_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// One block of `plain::square_sums`; the 16 lanes are in double.
HWY_INLINE double SquareSum(const float* x, std::size_t count, float scale) {
  using Doubles = hn::CappedTag<double, virtual_lanes>;
  using Halves = hn::Rebind<float, Doubles>;
  const Doubles d;
  const Halves half;
  constexpr std::size_t lanes = HWY_MIN(HWY_LANES(double), virtual_lanes);
  constexpr std::size_t slots = virtual_lanes / lanes;
  const auto scales = hn::Set(half, scale);
  hn::Vec<Doubles> sums[slots];
  for (auto& sum : sums) sum = hn::Zero(d);

  const auto add_square = [&](std::size_t slot, auto values) HWY_ATTR {
    const auto wide = hn::PromoteTo(d, hn::Mul(values, scales));
    sums[slot] = Fma(d, wide, wide, sums[slot]);
  };
  std::size_t i = 0;
  for (; i + virtual_lanes <= count; i += virtual_lanes) {
    HWY_UNROLL(16)
    for (std::size_t slot = 0; slot < slots; ++slot) add_square(slot, hn::LoadU(half, x + i + slot * lanes));
  }
  if (i < count) {
    HWY_ALIGN float rest[virtual_lanes] = {};  // zeros change no lane
    std::copy(x + i, x + count, rest);
    for (std::size_t slot = 0; slot < slots; ++slot) add_square(slot, hn::Load(half, rest + slot * lanes));
  }

  HWY_ALIGN double lane[virtual_lanes];
  for (std::size_t slot = 0; slot < slots; ++slot) hn::Store(sums[slot], d, lane + slot * lanes);
  for (std::size_t width = virtual_lanes / 2; width > 0; width /= 2) {
    for (std::size_t l = 0; l < width; ++l) lane[l] += lane[l + width];
  }
  return lane[0];
}

void SquareSums(double* sums, const float* gradient, std::size_t count, float scale) {
  for (std::size_t first = 0; first < count; first += norm_block)
    sums[first / norm_block] = SquareSum(gradient + first, std::min(norm_block, count - first), scale);
}

void AdamWUpdate(float* weights, float* moment1, float* moment2, const float* gradient, std::size_t count,
                 const AdamWFactors& f) {
  const Lanes16Tag d;
  ForEachVector(d, count, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
    const auto gradients = LoadPart(d, gradient + i, lanes);
    const auto g = hn::Mul(hn::Mul(gradients, hn::Set(d, f.gradient_scale)), hn::Set(d, f.clip));
    const auto m =
        Fma(d, hn::Set(d, f.beta1), LoadPart(d, moment1 + i, lanes), hn::Mul(hn::Set(d, f.one_minus_beta1), g));
    const auto v = Fma(d, hn::Set(d, f.beta2), LoadPart(d, moment2 + i, lanes),
                       hn::Mul(hn::Mul(hn::Set(d, f.one_minus_beta2), g), g));
    const auto root = hn::Sqrt(hn::Mul(v, hn::Set(d, f.correction2)));
    const auto adapted = hn::Div(hn::Mul(hn::Set(d, f.rate), m), hn::Add(root, hn::Set(d, f.epsilon)));
    const auto w = LoadPart(d, weights + i, lanes);
    StorePart(hn::Sub(w, Fma(d, hn::Set(d, f.decay), w, adapted)), d, weights + i, lanes);
    StorePart(m, d, moment1 + i, lanes);
    StorePart(v, d, moment2 + i, lanes);
  });
}

void AddFloats(float* out, const float* a, const float* b, std::size_t count) {
  const Lanes16Tag d;
  ForEachVector(d, count, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
    StorePart(hn::Add(LoadPart(d, a + i, lanes), LoadPart(d, b + i, lanes)), d, out + i, lanes);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(SquareSums);
HWY_EXPORT(AdamWUpdate);
HWY_EXPORT(AddFloats);

void square_sums(std::span<double> sums, std::span<const float> gradient, float scale) noexcept {
  assert(sums.size() == (gradient.size() + norm_block - 1) / norm_block);
  const TimedOperation timed = timed_pass("square sums", gradient.size(), 1);
  HWY_DYNAMIC_DISPATCH(SquareSums)(sums.data(), gradient.data(), gradient.size(), scale);
}

void adamw_update(std::span<float> weights, std::span<float> moment1, std::span<float> moment2,
                  std::span<const float> gradient, bool decayed, const AdamWStep& step) noexcept {
  assert(moment1.size() == weights.size() && moment2.size() == weights.size() && gradient.size() == weights.size());
  const TimedOperation timed = timed_pass("adamw", weights.size(), 7);
  HWY_DYNAMIC_DISPATCH(AdamWUpdate)
  (weights.data(), moment1.data(), moment2.data(), gradient.data(), weights.size(), adamw_factors(step, decayed));
}

void add(std::span<float> out, std::span<const float> a, std::span<const float> b) noexcept {
  assert(a.size() == out.size() && b.size() == out.size());
  const TimedOperation timed = timed_pass("add", out.size(), 3);
  HWY_DYNAMIC_DISPATCH(AddFloats)(out.data(), a.data(), b.data(), out.size());
}

}  // namespace compute
#endif
