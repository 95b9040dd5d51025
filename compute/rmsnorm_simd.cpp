// Root-mean-square normalisation on vectors. A row (C = 384: 1.5 KiB) stays in the first-level cache: it is read twice
// and written once forward; backward two passes read 3 and 4 streams of it and write 2.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/rmsnorm_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "compute/profile.hpp"
#include "compute/rmsnorm.hpp"
#include "compute/row_folds-inl.hpp"
#include "compute/simd_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

void RmsnormForward(Matrix out, float* rstds, ConstMatrix x, const float* gain, float epsilon) {
  const Lanes16Tag d;
  const std::size_t C = x.columns, together = RowsTogether(C);
  const auto columns = hn::Set(d, static_cast<float>(C)), one = hn::Set(d, 1.0f), epsilons = hn::Set(d, epsilon);
  RowSums sums;
  HWY_ALIGN float rstd[virtual_lanes];
  for (std::size_t first = 0, rows; first < x.rows; first += rows) {
    rows = std::min(together, x.rows - first);
    const float* in = x.data + first * x.stride;
    float* result = out.data + first * out.stride;
    for (std::size_t i = 0; i < rows; ++i) {
      Sum16 squares(d);
      ForEachVector(d, C, [&](std::size_t c, std::size_t slot, std::size_t lanes) HWY_ATTR {
        const auto value = LoadPart(d, in + i * x.stride + c, lanes);
        squares.AddProduct(d, slot, value, value);
      });
      sums.Put(d, i, squares);
    }
    sums.Fold(d, rstd,
              [&](auto sum) HWY_ATTR { return hn::Div(one, hn::Sqrt(hn::Add(hn::Div(sum, columns), epsilons))); });
    for (std::size_t i = 0; i < rows; ++i, in += x.stride, result += out.stride) {
      const auto rstd_lanes = hn::Set(d, rstd[i]);
      ForEachVector(d, C, [&](std::size_t c, std::size_t, std::size_t lanes) HWY_ATTR {
        const auto normal = hn::Mul(LoadPart(d, in + c, lanes), rstd_lanes);
        StorePart(hn::Mul(normal, LoadPart(d, gain + c, lanes)), d, result + c, lanes);
      });
    }
    std::copy_n(rstd, rows, rstds + first);
  }
}

template <Into into>
void RmsnormBackwardRow(float* dx, float* dgain, const float* dout, const float* x, float rstd, const float* gain,
                        std::size_t C) {
  const Lanes16Tag d;
  const auto rstds = hn::Set(d, rstd);
  Sum16 product_sum(d);
  ForEachVector(d, C, [&](std::size_t i, std::size_t slot, std::size_t lanes) HWY_ATTR {
    const auto normal = hn::Mul(LoadPart(d, x + i, lanes), rstds);
    product_sum.AddProduct(d, slot, hn::Mul(LoadPart(d, dout + i, lanes), LoadPart(d, gain + i, lanes)), normal);
  });
  const auto minus_b = hn::Set(d, -(product_sum.Fold(d) / static_cast<float>(C)));
  ForEachVector(d, C, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
    const auto from = LoadPart(d, dout + i, lanes);
    const auto normal = hn::Mul(LoadPart(d, x + i, lanes), rstds);
    const auto scaled = hn::Mul(from, LoadPart(d, gain + i, lanes));
    auto result = hn::Mul(Fma(d, minus_b, normal, scaled), rstds);
    if constexpr (into == Into::added) result = hn::Add(LoadPart(d, dx + i, lanes), result);
    StorePart(result, d, dx + i, lanes);
    StorePart(Fma(d, from, normal, LoadPart(d, dgain + i, lanes)), d, dgain + i, lanes);
  });
}

void RmsnormBackward(Matrix dx, Into into, float* dgain, Into gain_into, ConstMatrix dout, ConstMatrix x,
                     const float* rstds, const float* gain) {
  const std::size_t C = x.columns;
  if (gain_into == Into::replaced) std::fill_n(dgain, C, 0.0f);
  const auto backward_row = into == Into::added ? RmsnormBackwardRow<Into::added> : RmsnormBackwardRow<Into::replaced>;
  for (std::size_t row = 0; row < x.rows; ++row) {
    backward_row(dx.data + row * dx.stride, dgain, dout.data + row * dout.stride, x.data + row * x.stride, rstds[row],
                 gain, C);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(RmsnormForward);
HWY_EXPORT(RmsnormBackward);

void rmsnorm_forward(Matrix out, float* rstds, ConstMatrix x, const float* gain, float epsilon) noexcept {
  const TimedOperation timed = timed_pass("rmsnorm forward", x.rows * x.columns, 2);
  HWY_DYNAMIC_DISPATCH(RmsnormForward)(out, rstds, x, gain, epsilon);
}

void rmsnorm_backward(Matrix dx, Into into, float* dgain, Into gain_into, ConstMatrix dout, ConstMatrix x,
                      const float* rstds, const float* gain) noexcept {
  const TimedOperation timed = timed_pass("rmsnorm backward", x.rows * x.columns, into == Into::added ? 4 : 3);
  HWY_DYNAMIC_DISPATCH(RmsnormBackward)(dx, into, dgain, gain_into, dout, x, rstds, gain);
}

}  // namespace compute
#endif
