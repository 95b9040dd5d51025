#include "io/gpt2_scanner.hpp"

#include <algorithm>
#include <bit>

#include "io/contraction.hpp"

namespace io {
namespace {

/// Behind a boundary so many bytes decide it at most: a white space character and the one after it.
constexpr std::size_t deciding_bytes = 8;

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
  begins_.add(first);
}

void Gpt2Scanner::cut_contractions(std::string_view text) {
  for (std::size_t i = 0; i < masks_.words_count(); ++i) {
    for (std::uint64_t here = begins_[i] & masks_.apostrophes[i]; here != 0; here &= here - 1) {
      const std::size_t at = i * 64 + static_cast<std::size_t>(std::countr_zero(here));
      const std::size_t bytes = contraction_bytes(text, at, false);
      if (bytes == 0) continue;
      begins_.remove(at + 1);
      begins_.add(at + bytes);
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
  begins_.append_ends(complete ? text.size() - 1 : text.size() - std::min(text.size(), deciding_bytes), ends);
  if (complete) ends.push_back(static_cast<std::uint32_t>(text.size()));
}

}  // namespace io
