#pragma once

// Floating-point numbers of 16 bits as f32, which holds each of them exactly; and back, rounded.

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

/// The nearest one, of two as near the even one; what is too large becomes infinite.
inline std::uint16_t f16_from_float(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  const auto signed_half = [sign](std::uint32_t half) { return static_cast<std::uint16_t>(sign | half); };
  if (magnitude > 0x7f800000) return signed_half(0x7e00 | (magnitude >> 13 & 0x3ff));  // not a number
  if (magnitude >= 0x47800000) return signed_half(0x7c00);                             // from 2^16 on
  // Below 2^-14 the fraction has fewer bits: adding 1/2, whose last bit is 2^-24, rounds to what is left.
  if (magnitude < 0x38800000)
    return signed_half(std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000);
  // Rounding may carry into the exponent, which is right.
  const std::uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return signed_half((rounded >> 13) - (112u << 10));
}

}  // namespace io
