// Layer normalisation on vectors. A row (C = 384: 1.5 KiB) stays in the first-level cache: it is read three times and
// written once forward; backward two passes read 5 and 7 streams of it and write 3.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/layernorm_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "compute/layernorm.hpp"
#include "compute/profile.hpp"
#include "compute/row_folds-inl.hpp"
#include "compute/simd_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

HWY_INLINE Sum16 SquaresAround(Lanes16Tag d, const float* x, std::size_t C, float mean) {
  const auto means = hn::Set(d, mean);
  Sum16 sum(d);
  ForEachVector(d, C, [&](std::size_t i, std::size_t slot, std::size_t lanes) HWY_ATTR {
    auto difference = hn::Sub(LoadPart(d, x + i, lanes), means);
    if (lanes < hn::Lanes(d)) difference = hn::IfThenElseZero(hn::FirstN(d, lanes), difference);
    sum.AddProduct(d, slot, difference, difference);
  });
  return sum;
}

void LayernormForward(Matrix out, float* means, float* rstds, ConstMatrix x, const float* gain, const float* bias) {
  const Lanes16Tag d;
  const std::size_t C = x.columns, together = RowsTogether(C);
  const auto columns = hn::Set(d, static_cast<float>(C)), one = hn::Set(d, 1.0f);
  const auto epsilon = hn::Set(d, layernorm_epsilon);
  RowSums sums;
  HWY_ALIGN float mean[virtual_lanes], rstd[virtual_lanes];
  for (std::size_t first = 0, rows; first < x.rows; first += rows) {
    rows = std::min(together, x.rows - first);
    const float* in = x.data + first * x.stride;
    float* result = out.data + first * out.stride;
    for (std::size_t i = 0; i < rows; ++i) sums.Put(d, i, LanesOfSum16(d, in + i * x.stride, C));
    sums.Fold(d, mean, [&](auto sum) HWY_ATTR { return hn::Div(sum, columns); });
    for (std::size_t i = 0; i < rows; ++i) sums.Put(d, i, SquaresAround(d, in + i * x.stride, C, mean[i]));
    sums.Fold(d, rstd,
              [&](auto sum) HWY_ATTR { return hn::Div(one, hn::Sqrt(hn::Add(hn::Div(sum, columns), epsilon))); });
    for (std::size_t i = 0; i < rows; ++i, in += x.stride, result += out.stride) {
      const auto mean_lanes = hn::Set(d, mean[i]), rstd_lanes = hn::Set(d, rstd[i]);
      ForEachVector(d, C, [&](std::size_t c, std::size_t, std::size_t lanes) HWY_ATTR {
        const auto normal = hn::Mul(hn::Sub(LoadPart(d, in + c, lanes), mean_lanes), rstd_lanes);
        StorePart(Fma(d, normal, LoadPart(d, gain + c, lanes), LoadPart(d, bias + c, lanes)), d, result + c, lanes);
      });
    }
    std::copy_n(mean, rows, means + first);
    std::copy_n(rstd, rows, rstds + first);
  }
}

template <Into into>
void LayernormBackwardRow(float* dx, float* dgain, float* dbias, const float* dout, const float* x, float mean,
                          float rstd, const float* gain, std::size_t C) {
  const Lanes16Tag d;
  const auto means = hn::Set(d, mean);
  const auto rstds = hn::Set(d, rstd);
  Sum16 sum(d);
  Sum16 product_sum(d);
  ForEachVector(d, C, [&](std::size_t i, std::size_t slot, std::size_t lanes) HWY_ATTR {
    const auto normal = hn::Mul(hn::Sub(LoadPart(d, x + i, lanes), means), rstds);
    const auto scaled = hn::Mul(LoadPart(d, dout + i, lanes), LoadPart(d, gain + i, lanes));  // 0 in absent lanes
    sum.Add(slot, scaled);
    product_sum.AddProduct(d, slot, scaled, normal);
  });
  const auto a = hn::Set(d, sum.Fold(d) / static_cast<float>(C));
  const auto minus_b = hn::Set(d, -(product_sum.Fold(d) / static_cast<float>(C)));
  ForEachVector(d, C, [&](std::size_t i, std::size_t, std::size_t lanes) HWY_ATTR {
    const auto from = LoadPart(d, dout + i, lanes);
    const auto normal = hn::Mul(hn::Sub(LoadPart(d, x + i, lanes), means), rstds);
    const auto scaled = hn::Mul(from, LoadPart(d, gain + i, lanes));
    auto result = hn::Mul(Fma(d, minus_b, normal, hn::Sub(scaled, a)), rstds);
    if constexpr (into == Into::added) result = hn::Add(LoadPart(d, dx + i, lanes), result);
    StorePart(result, d, dx + i, lanes);
    StorePart(Fma(d, from, normal, LoadPart(d, dgain + i, lanes)), d, dgain + i, lanes);
    StorePart(hn::Add(LoadPart(d, dbias + i, lanes), from), d, dbias + i, lanes);
  });
}

void LayernormBackward(Matrix dx, Into into, float* dgain, float* dbias, ConstMatrix dout, ConstMatrix x,
                       const float* means, const float* rstds, const float* gain) {
  const std::size_t C = x.columns;
  std::fill_n(dgain, C, 0.0f);
  std::fill_n(dbias, C, 0.0f);
  const auto backward_row =
      into == Into::added ? LayernormBackwardRow<Into::added> : LayernormBackwardRow<Into::replaced>;
  for (std::size_t row = 0; row < x.rows; ++row) {
    backward_row(dx.data + row * dx.stride, dgain, dbias, dout.data + row * dout.stride, x.data + row * x.stride,
                 means[row], rstds[row], gain, C);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(LayernormForward);
HWY_EXPORT(LayernormBackward);

void layernorm_forward(Matrix out, float* means, float* rstds, ConstMatrix x, const float* gain,
                       const float* bias) noexcept {
  const TimedOperation timed = timed_pass("layernorm forward", x.rows * x.columns, 2);
  HWY_DYNAMIC_DISPATCH(LayernormForward)(out, means, rstds, x, gain, bias);
}

void layernorm_backward(Matrix dx, Into into, float* dgain, float* dbias, ConstMatrix dout, ConstMatrix x,
                        const float* means, const float* rstds, const float* gain) noexcept {
  const TimedOperation timed = timed_pass("layernorm backward", x.rows * x.columns, into == Into::added ? 4 : 3);
  HWY_DYNAMIC_DISPATCH(LayernormBackward)(dx, into, dgain, dbias, dout, x, means, rstds, gain);
}

}  // namespace compute
#endif
