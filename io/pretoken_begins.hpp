#pragma once

// Where pre-tokens begin, a bit for each byte of a text, found for 64 bytes at a time.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/character_masks.hpp"

namespace io {

/// A mask moved so that each byte sees the bit of the one before it. Takes words one after another.
class Previous {
 public:
  std::uint64_t operator()(std::uint64_t bits) noexcept {
    const std::uint64_t moved = bits << 1 | carry_;
    carry_ = bits >> 63;
    return moved;
  }

 private:
  std::uint64_t carry_ = 0;
};

/// Runs of ones that are entered: from each bit of `starts`, which are all within `runs`, to the end of its run. Takes
/// words one after another.
class Entered {
 public:
  std::uint64_t operator()(std::uint64_t runs, std::uint64_t starts) noexcept {
    // What is added to the lowest bit of a run of ones leaves zeros up to its end.
    const std::uint64_t sum = runs + starts;
    const std::uint64_t total = sum + carry_;
    const bool goes_on = sum < runs || total < sum;
    const std::uint64_t entered = runs & (~total | starts);
    carry_ = goes_on ? 1 : 0;
    return entered;
  }

 private:
  std::uint64_t carry_ = 0;
};

class PretokenBegins {
 public:
  std::uint64_t& operator[](std::size_t word) noexcept { return mask_[word]; }
  bool at(std::size_t byte) const noexcept { return mask_.at(byte); }
  void add(std::size_t byte) noexcept { mask_[byte / 64] |= std::uint64_t{1} << (byte % 64); }
  void remove(std::size_t byte) noexcept { mask_[byte / 64] &= ~(std::uint64_t{1} << (byte % 64)); }
  void grow(std::size_t words) { mask_.grow(words); }

  /// Appends to `ends` each begin but 0 up to `last`, which is within the mask.
  void append_ends(std::size_t last, std::vector<std::uint32_t>& ends) {
    mask_[0] &= ~std::uint64_t{1};  // the first begins without ending one
    const std::size_t words_count = last / 64 + 1;
    mask_[last / 64] &= ~std::uint64_t{0} >> (63 - last % 64);
    std::size_t count = 0;
    for (std::size_t i = 0; i < words_count; ++i) count += static_cast<std::size_t>(std::popcount(mask_[i]));
    const std::size_t before = ends.size();
    ends.resize(before + count);
    std::uint32_t* out = ends.data() + before;
    for (std::size_t i = 0; i < words_count; ++i) {
      for (std::uint64_t bits = mask_[i]; bits != 0; bits &= bits - 1)
        *out++ = static_cast<std::uint32_t>(i * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
    }
  }

 private:
  ByteMask mask_;
};

}  // namespace io
