#include "io/gpt2_scanner.hpp"

#include <bit>

#include "io/contraction.hpp"

namespace io {
namespace {

/// Behind a boundary so many bytes decide it at most: a white space character and the one after it.
constexpr std::size_t deciding_bytes = 8;

/// A mask moved so that each byte sees the bit of the one before it.
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

}  // namespace

void Gpt2Scanner::find_begins() {
  Previous letter_before, number_before, space_before, other_before, blank_before;
  for (std::size_t i = 0; i < masks_.words_count(); ++i) {
    const std::uint64_t spaces = masks_.spaces[i];
    const std::uint64_t run_goes_on = (masks_.letters[i] & letter_before(masks_.letters[i])) |
                                      (masks_.numbers[i] & number_before(masks_.numbers[i])) |
                                      (masks_.others[i] & other_before(masks_.others[i])) |
                                      (spaces & space_before(spaces));
    // A blank belongs to what stands behind it. White space leaves its last character: \s+(?!\S).
    const std::uint64_t taken_by_blank = ~spaces & blank_before(masks_.blanks[i]);
    const std::uint64_t last_of_run = spaces & ~(spaces >> 1 | masks_.spaces[i + 1] << 63);
    begins_[i] = ~(run_goes_on | taken_by_blank) | (last_of_run & ~masks_.continuations[i]);
    for (std::uint64_t wide = last_of_run & masks_.continuations[i]; wide != 0; wide &= wide - 1)
      mark_last_wide_space(i * 64 + static_cast<std::size_t>(std::countr_zero(wide)));
  }
}

void Gpt2Scanner::mark_last_wide_space(std::size_t last_byte) {
  std::size_t first = last_byte;
  while (masks_.continuations.at(first)) --first;
  begins_[first / 64] |= std::uint64_t{1} << (first % 64);
}

void Gpt2Scanner::cut_contractions(std::string_view text) {
  for (std::size_t i = 0; i < masks_.words_count(); ++i) {
    for (std::uint64_t here = begins_[i] & masks_.apostrophes[i]; here != 0; here &= here - 1) {
      const std::size_t at = i * 64 + static_cast<std::size_t>(std::countr_zero(here));
      const std::size_t bytes = contraction_bytes(text, at, false);
      if (bytes == 0) continue;
      begins_[(at + 1) / 64] &= ~(std::uint64_t{1} << ((at + 1) % 64));
      begins_[(at + bytes) / 64] |= std::uint64_t{1} << ((at + bytes) % 64);
    }
  }
}

void Gpt2Scanner::scan(std::string_view text, bool complete, std::vector<std::uint32_t>& ends) {
  if (text.empty()) return;
  masks_.classify(text, false);
  begins_.grow(masks_.words_count() + 1);
  find_begins();
  begins_[masks_.words_count()] = 0;
  cut_contractions(text);
  begins_[0] &= ~std::uint64_t{1};  // the first begins without ending one
  const std::size_t end_max = complete ? text.size() - 1 : text.size() - std::min(text.size(), deciding_bytes);
  const std::size_t words_count = end_max / 64 + 1;
  begins_[end_max / 64] &= ~std::uint64_t{0} >> (63 - end_max % 64);
  std::size_t count = complete ? 1 : 0;
  for (std::size_t i = 0; i < words_count; ++i) count += static_cast<std::size_t>(std::popcount(begins_[i]));
  const std::size_t before = ends.size();
  ends.resize(before + count);
  std::uint32_t* out = ends.data() + before;
  for (std::size_t i = 0; i < words_count; ++i) {
    for (std::uint64_t bits = begins_[i]; bits != 0; bits &= bits - 1)
      *out++ = static_cast<std::uint32_t>(i * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
  }
  if (complete) *out = static_cast<std::uint32_t>(text.size());
}

}  // namespace io
