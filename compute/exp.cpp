#include "compute/exp.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>

namespace compute::plain {

float exp(float x) noexcept {
  using namespace exp_constants;
  const float t = std::fma(x, log2_e, shift);
  const float n = t - shift;
  const float r = std::fma(n, -ln2_low, std::fma(n, -ln2_high, x));
  float p = c6;
  for (const float c : {c5, c4, c3, c2, 1.0f, 1.0f}) p = std::fma(p, r, c);
  const float y = std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + (std::bit_cast<std::uint32_t>(t) << 23));
  if (x < lowest) return 0.0f;
  return x <= highest ? y : x * infinity;
}

float sigmoid_of_minus(float z) noexcept {
  using exp_constants::sigmoid_limit;
  if (z > sigmoid_limit) z = sigmoid_limit;
  if (z < -sigmoid_limit) z = -sigmoid_limit;
  return 1.0f / (1.0f + plain::exp(z));
}

}  // namespace compute::plain
