#include "compute/dropout.hpp"

#include "compute/random.hpp"

namespace compute::plain {

void dropout(float* out, const float* x, std::size_t count, const Dropout& dropout, std::uint32_t place) noexcept {
  const auto threshold = static_cast<std::uint32_t>(static_cast<double>(dropout.rate) * 0x1p32);
  const auto factor = static_cast<float>(1 / (1 - static_cast<double>(dropout.rate)));
  for (std::size_t i = 0; i < count; ++i) {
    const auto block = static_cast<std::uint32_t>(i / 64 * 16 + i % 16);
    const auto words = philox(
        {static_cast<std::uint32_t>(dropout.seed), static_cast<std::uint32_t>(dropout.seed >> 32)},
        {block, dropout.micro_batch, dropout.step, place << 8 | static_cast<std::uint32_t>(RandomPurpose::dropout)});
    out[i] = words[i % 64 / 16] >= threshold ? x[i] * factor : 0.0f;
  }
}

}  // namespace compute::plain
