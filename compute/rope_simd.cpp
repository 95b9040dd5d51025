// The rotation on vectors: 8 bytes and 3 instructions a float beside the table's; bound by the caches.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/rope_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cassert>

#include "compute/profile.hpp"
#include "compute/rope.hpp"
#include "compute/simd_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

template <Turn turn>
void RopeRotate(Matrix x, const float* table, std::size_t D, std::size_t T, std::size_t first_position) {
  const Lanes16Tag d;
  const std::size_t pairs = D / 2;
  for (std::size_t row = 0; row < x.rows; ++row) {
    const float* cosines = table + (first_position + row % T) * D;
    const float* sines = cosines + pairs;
    for (std::size_t head = 0; head < x.columns; head += D) {
      float* a = x.data + row * x.stride + head;
      float* b = a + pairs;
      ForEachVector(d, pairs, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
        const auto cosine = LoadPart(d, cosines + i, lanes);
        auto sine = LoadPart(d, sines + i, lanes);
        if constexpr (turn == Turn::back) sine = hn::Neg(sine);
        const auto first = LoadPart(d, a + i, lanes), second = LoadPart(d, b + i, lanes);
        StorePart(Fma(d, first, cosine, hn::Neg(hn::Mul(second, sine))), d, a + i, lanes);
        StorePart(Fma(d, second, cosine, hn::Mul(first, sine)), d, b + i, lanes);
      });
    }
  }
}

void RopeForward(Matrix x, const float* table, std::size_t D, std::size_t T, std::size_t first_position) {
  RopeRotate<Turn::forward>(x, table, D, T, first_position);
}

void RopeBack(Matrix x, const float* table, std::size_t D, std::size_t T, std::size_t first_position) {
  RopeRotate<Turn::back>(x, table, D, T, first_position);
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(RopeForward);
HWY_EXPORT(RopeBack);

void rope_rotate(Matrix x, const float* table, std::size_t D, std::size_t T, std::size_t first_position,
                 Turn turn) noexcept {
  assert(D % 2 == 0 && x.columns % D == 0);
  const TimedOperation timed = timed_pass("rope", x.rows * x.columns, 2);
  if (turn == Turn::forward) {
    HWY_DYNAMIC_DISPATCH(RopeForward)(x, table, D, T, first_position);
  } else {
    HWY_DYNAMIC_DISPATCH(RopeBack)(x, table, D, T, first_position);
  }
}

}  // namespace compute
#endif
