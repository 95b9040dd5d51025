// Ten comparisons for each vector of bytes; about 3 cycles for 64 bytes with 512-bit vectors.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "io/ascii_masks_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "io/ascii_masks.hpp"

HWY_BEFORE_NAMESPACE();
namespace io {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using ByteTag = hn::CappedTag<std::uint8_t, 64>;
using Bytes = hn::Vec<ByteTag>;

/// first <= byte <= last.
HWY_INLINE auto IsWithin(Bytes bytes, char first, char last) {
  const ByteTag d;
  const auto offset = hn::Sub(bytes, hn::Set(d, static_cast<std::uint8_t>(first)));
  return hn::Lt(offset, hn::Set(d, static_cast<std::uint8_t>(last - first + 1)));
}

HWY_INLINE auto Is(Bytes bytes, char byte) {
  return hn::Eq(bytes, hn::Set(ByteTag(), static_cast<std::uint8_t>(byte)));
}

template <class Mask>
HWY_INLINE void Store(Mask mask, std::uint64_t* words, std::size_t byte) {
  hn::StoreMaskBits(ByteTag(), mask, reinterpret_cast<std::uint8_t*>(words) + byte / 8);
}

void ClassifyAscii(const char* text, std::size_t words_count, const AsciiMasks& masks) {
  const ByteTag d;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text);
  for (std::size_t i = 0; i < words_count * 64; i += hn::Lanes(d)) {
    const Bytes vector = hn::LoadU(d, bytes + i);
    const Bytes folded = hn::Or(vector, hn::Set(d, 0x20));
    const auto blank = Is(vector, ' ');
    Store(IsWithin(folded, 'a', 'z'), masks.letters, i);
    Store(IsWithin(vector, 'A', 'Z'), masks.uppers, i);
    Store(IsWithin(vector, '0', '9'), masks.numbers, i);
    Store(hn::Or(blank, IsWithin(vector, '\t', '\r')), masks.spaces, i);
    Store(blank, masks.blanks, i);
    Store(Is(vector, '\''), masks.apostrophes, i);
    Store(hn::Or(Is(vector, '\n'), Is(vector, '\r')), masks.newlines, i);
    Store(Is(vector, '/'), masks.slashes, i);
    Store(hn::Gt(vector, hn::Set(d, 0x7F)), masks.wide, i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace io
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace io {

HWY_EXPORT(ClassifyAscii);

void classify_ascii(const char* text, std::size_t words_count, const AsciiMasks& masks) {
  HWY_DYNAMIC_DISPATCH(ClassifyAscii)(text, words_count, masks);
}

}  // namespace io
#endif
