#pragma once

// Numbers as files hold them: little-endian, anywhere in a run of bytes.

#include <bit>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace io {

// Tokens are copied to and from files as they lie in memory.
static_assert(std::endian::native == std::endian::little, "the formats of files are little-endian, and so is icosa");

/// The number that begins at `bytes`.
template <class T>
T load_little_endian(const std::byte* bytes) noexcept {
  static_assert(std::is_integral_v<T>);
  T number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

template <class T>
void store_little_endian(std::byte* bytes, T number) noexcept {
  static_assert(std::is_integral_v<T>);
  std::memcpy(bytes, &number, sizeof number);
}

}  // namespace io
