#include "io/merges.hpp"

#include <algorithm>
#include <cassert>

namespace io {

MergeTable::MergeTable(std::size_t merges_count_max)
    : slots_(std::bit_ceil(std::max<std::size_t>(2, 2 * merges_count_max))), mask_(slots_.size() - 1) {}

void MergeTable::add(const Merge& merge, std::uint32_t rank) {
  ++count_;
  assert(merge.left >= 0 && merge.right >= 0 && 2 * count_ <= slots_.size());
  const std::uint64_t key = key_of(merge.left, merge.right);
  std::size_t at = slot_of(key);
  for (; slots_[at].key != empty; at = (at + 1) & mask_) assert(slots_[at].key != key);
  slots_[at] = {key, {rank, merge.merged}};
}

}  // namespace io
