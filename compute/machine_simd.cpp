// The multiply-adds of compute/machine.hpp on vectors.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/machine_simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include <cstddef>

#include "compute/machine.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Twelve chains: too many for one unit's latency to show, few enough for 16 registers. `seed` is 13 floats that the
/// compiler knows nothing of, or equal chains would be merged.
double MultiplyAdds(std::size_t rounds, float* seed) {
  const hn::ScalableTag<float> d;
  constexpr std::size_t chains = 12;
  hn::Vec<decltype(d)> sums[chains];
  const auto factor = hn::Set(d, *seed), addend = hn::Set(d, *seed * 0.5f);
  for (std::size_t i = 0; i < chains; ++i) sums[i] = hn::Set(d, seed[1 + i]);
  for (std::size_t i = 0; i < rounds; ++i) {
    HWY_UNROLL(12)
    for (auto& sum : sums) sum = hn::MulAdd(sum, factor, addend);
  }
  auto total = sums[0];
  HWY_UNROLL(12)
  for (auto& sum : sums) total = hn::Add(total, sum);
  *seed = hn::GetLane(total) > 1e30f ? 0.5f : 0.25f;  // the result is used
  return 2.0 * chains * static_cast<double>(hn::Lanes(d) * rounds);
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(MultiplyAdds);

double run_multiply_adds(std::size_t rounds) noexcept {
  volatile float quarter = 0.25f;
  float seed[13] = {quarter, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  return HWY_DYNAMIC_DISPATCH(MultiplyAdds)(rounds, seed);
}

}  // namespace compute
#endif
