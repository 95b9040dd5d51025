#include "compute/documents.hpp"

#include <cassert>

namespace compute {

void document_firsts(std::span<std::uint32_t> first, std::span<const std::int32_t> ids, std::size_t rows,
                     std::size_t seq_len, std::int32_t end_of_text) noexcept {
  assert(first.size() == rows * seq_len && ids.size() == rows * (seq_len + 1));
  for (std::size_t b = 0; b < rows; ++b) {
    std::uint32_t begin = 0;
    for (std::size_t t = 0; t < seq_len; ++t) {
      if (ids[b * (seq_len + 1) + t] == end_of_text) begin = static_cast<std::uint32_t>(t);
      first[b * seq_len + t] = begin;
    }
  }
}

std::size_t document_end(const std::uint32_t* first, std::size_t begin, std::size_t T) noexcept {
  if (first == nullptr) return T;
  assert(begin < T && first[begin] == begin);
  std::size_t end = begin + 1;
  while (end < T && first[end] == begin) ++end;
  return end;
}

}  // namespace compute
