#include "compute/rmsnorm.hpp"

#include <algorithm>
#include <cmath>

#include "compute/lanes.hpp"

namespace compute::plain {

void rmsnorm_forward(Matrix out, float* rstds, ConstMatrix x, const float* gain, float epsilon) noexcept {
  const std::size_t C = x.columns;
  for (std::size_t row = 0; row < x.rows; ++row) {
    const float* in = x.data + row * x.stride;
    float* result = out.data + row * out.stride;
    Sum16 squares;
    for (std::size_t i = 0; i < C; ++i) squares.add_product(i, in[i], in[i]);
    const float rstd = 1.0f / std::sqrt(squares.fold() / static_cast<float>(C) + epsilon);
    for (std::size_t i = 0; i < C; ++i) result[i] = (in[i] * rstd) * gain[i];
    rstds[row] = rstd;
  }
}

void rmsnorm_backward(Matrix dx, Into into, float* dgain, Into gain_into, ConstMatrix dout, ConstMatrix x,
                      const float* rstds, const float* gain) noexcept {
  const std::size_t C = x.columns;
  if (gain_into == Into::replaced) std::fill_n(dgain, C, 0.0f);
  for (std::size_t row = 0; row < x.rows; ++row) {
    const float* in = x.data + row * x.stride;
    const float* from = dout.data + row * dout.stride;
    float* result = dx.data + row * dx.stride;
    const float rstd = rstds[row];

    Sum16 product_sum;
    for (std::size_t i = 0; i < C; ++i) product_sum.add_product(i, from[i] * gain[i], in[i] * rstd);
    const float b = product_sum.fold() / static_cast<float>(C);
    for (std::size_t i = 0; i < C; ++i) {
      const float normal = in[i] * rstd;
      dgain[i] = std::fma(from[i], normal, dgain[i]);
      const float through_norm = std::fma(-b, normal, from[i] * gain[i]) * rstd;
      result[i] = into == Into::added ? result[i] + through_norm : through_norm;
    }
  }
}

}  // namespace compute::plain
