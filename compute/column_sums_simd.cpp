// Column sums on vectors: strips of eight vectors keep their sums in registers while the rows go by. 4 bytes
// and one addition a float; bound by the second-level cache or memory.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/column_sums_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "compute/column_sums.hpp"
#include "compute/profile.hpp"
#include "compute/simd_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// The next `vectors` whole vectors of columns at `x`.
template <std::size_t vectors>
HWY_INLINE void SumStrip(Lanes16Tag d, float* out, const float* x, std::size_t rows, std::size_t stride) {
  hn::Vec<Lanes16Tag> sums[vectors];
  for (auto& sum : sums) sum = hn::Zero(d);
  for (std::size_t row = 0; row < rows; ++row) {
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < vectors; ++v)
      sums[v] = hn::Add(sums[v], hn::LoadU(d, x + row * stride + v * hn::Lanes(d)));
  }
  for (std::size_t v = 0; v < vectors; ++v) hn::StoreU(sums[v], d, out + v * hn::Lanes(d));
}

void ColumnSums(float* out, ConstMatrix x) {
  const Lanes16Tag d;
  const std::size_t lanes = hn::Lanes(d);
  constexpr std::size_t wide = 8;  // vectors; enough independent chains to hide the addition's latency
  std::size_t c = 0;
  for (; c + wide * lanes <= x.columns; c += wide * lanes) SumStrip<wide>(d, out + c, x.data + c, x.rows, x.stride);
  for (; c + lanes <= x.columns; c += lanes) SumStrip<1>(d, out + c, x.data + c, x.rows, x.stride);
  if (c == x.columns) return;
  auto sum = hn::Zero(d);
  for (std::size_t row = 0; row < x.rows; ++row)
    sum = hn::Add(sum, LoadPart(d, x.data + row * x.stride + c, x.columns - c));
  StorePart(sum, d, out + c, x.columns - c);
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(ColumnSums);

void column_sums(float* out, ConstMatrix x) noexcept {
  const TimedOperation timed = timed_pass("column sums", x.rows * x.columns, 1);
  HWY_DYNAMIC_DISPATCH(ColumnSums)(out, x);
}

}  // namespace compute
#endif
