// Dropout on vectors: a block of 64 elements takes 16 blocks of Philox, ten rounds of four products of 32 bits for four
// elements a lane; about 2 cycles an element with AVX2.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/dropout_simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include <algorithm>

#include "compute/dropout.hpp"
#include "compute/profile.hpp"
#include "compute/random.hpp"
#include "compute/simd_lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

#if HWY_NATIVE_FMA  // the portable targets run the plain form

using Words = hn::RebindToUnsigned<Lanes16Tag>;
using WordVector = hn::Vec<Words>;

/// Both halves of the products of each lane with a constant.
HWY_INLINE void MultiplyWide(WordVector x, std::uint32_t factor, WordVector& high, WordVector& low) {
  const Words d;
  const hn::RepartitionToWide<Words> wide;
  const auto factors = hn::Set(d, factor);
  const auto even = hn::MulEven(x, factors);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, x))), factors);
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
}

/// `philox` of each lane.
HWY_INLINE void Philox(std::uint32_t key0, std::uint32_t key1, WordVector (&counter)[4]) {
  const Words d;
  for (int round = 0; round < 10; ++round) {
    WordVector high0, low0, high2, low2;
    MultiplyWide(counter[0], 0xD2511F53u, high0, low0);
    MultiplyWide(counter[2], 0xCD9E8D57u, high2, low2);
    counter[0] = hn::Xor(hn::Xor(high2, counter[1]), hn::Set(d, key0));
    counter[1] = low2;
    counter[2] = hn::Xor(hn::Xor(high0, counter[3]), hn::Set(d, key1));
    counter[3] = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

void DropElements(float* out, const float* x, std::size_t count, const Dropout& dropout, std::uint32_t place) {
  const Lanes16Tag d;
  const Words words;
  const std::size_t lanes = hn::Lanes(d);
  const auto threshold = hn::Set(words, static_cast<std::uint32_t>(static_cast<double>(dropout.rate) * 0x1p32));
  const auto factor = hn::Set(d, static_cast<float>(1 / (1 - static_cast<double>(dropout.rate))));
  const auto key0 = static_cast<std::uint32_t>(dropout.seed), key1 = static_cast<std::uint32_t>(dropout.seed >> 32);
  const std::uint32_t last_word = place << 8 | static_cast<std::uint32_t>(RandomPurpose::dropout);
  for (std::size_t first = 0; first < count; first += 64) {
    for (std::size_t lane = 0; lane < virtual_lanes; lane += lanes) {
      WordVector counter[4] = {hn::Iota(words, static_cast<std::uint32_t>(first / 64 * 16 + lane)),
                               hn::Set(words, dropout.micro_batch), hn::Set(words, dropout.step),
                               hn::Set(words, last_word)};
      Philox(key0, key1, counter);
      for (std::size_t word = 0; word < 4; ++word) {
        const std::size_t at = first + word * virtual_lanes + lane;
        if (at >= count) break;
        const std::size_t left = std::min(lanes, count - at);
        const auto dropped = hn::RebindMask(d, hn::Lt(counter[word], threshold));
        StorePart(hn::IfThenZeroElse(dropped, hn::Mul(LoadPart(d, x + at, left), factor)), d, out + at, left);
      }
    }
  }
}

#else

void DropElements(float* out, const float* x, std::size_t count, const Dropout& dropout, std::uint32_t place) {
  plain::dropout(out, x, count, dropout, place);
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compute {

HWY_EXPORT(DropElements);

void dropout(float* out, const float* x, std::size_t count, const Dropout& dropout, std::uint32_t place) noexcept {
  const TimedOperation timed = timed_pass("dropout", count, 2);
  HWY_DYNAMIC_DISPATCH(DropElements)(out, x, count, dropout, place);
}

}  // namespace compute
#endif
