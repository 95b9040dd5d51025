#pragma once

// A view of token ids, row by row: the inputs or the targets of a micro-batch.

#include <cstddef>
#include <cstdint>

namespace compute {

/// B rows of T ids, `stride` ids apart. Tokens are counted row after row: token i is at (i / T, i % T).
struct TokenGrid {
  const std::int32_t* ids;
  std::size_t B, T, stride;

  std::size_t count() const noexcept { return B * T; }
  std::size_t at(std::size_t row, std::size_t position) const noexcept {
    return static_cast<std::size_t>(ids[row * stride + position]);
  }
  std::size_t token(std::size_t index) const noexcept { return at(index / T, index % T); }
  /// visit(index, token) for indices [first, last), with one division for all of them.
  template <class Visit>
  void for_each(std::size_t first, std::size_t last, const Visit& visit) const noexcept {
    std::size_t row = first / T, position = first % T;
    for (std::size_t index = first; index < last; ++index) {
      visit(index, at(row, position));
      if (++position == T) {
        position = 0;
        ++row;
      }
    }
  }
};

}  // namespace compute
