#pragma once

// Floating-point numbers of 16 bits as f32, which holds each of them exactly.

#include <bit>
#include <cstdint>

namespace io {

/// The upper half of an f32.
inline float float_from_bf16(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// IEEE 754 binary16: 1 bit sign, 5 exponent, 10 fraction.
inline float float_from_f16(std::uint16_t bits) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1f;
  const std::uint32_t fraction = bits & 0x3ff;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);  // infinite, or no number
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;  // exact: 10 bits and a power of two
  return sign != 0 ? -magnitude : magnitude;
}

}  // namespace io
