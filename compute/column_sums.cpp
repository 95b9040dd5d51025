#include "compute/column_sums.hpp"

namespace compute::plain {

void column_sums(float* out, ConstMatrix x) noexcept {
  for (std::size_t c = 0; c < x.columns; ++c) {
    float sum = 0;
    for (std::size_t row = 0; row < x.rows; ++row) sum += x.data[row * x.stride + c];
    out[c] = sum;
  }
}

}  // namespace compute::plain
