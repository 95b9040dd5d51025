#include "io/merges.hpp"

#include <algorithm>
#include <cassert>

namespace io {

MergeTable::MergeTable(std::size_t merges_count_max)
    : slots_(std::bit_ceil(std::max<std::size_t>(8, 2 * merges_count_max))),
      mask_(slots_.size() - 1),
      filter_(slots_.size() / 8),
      filter_shift_(64 - static_cast<unsigned>(std::countr_zero(slots_.size() * 8))) {}

void MergeTable::add(const Merge& merge, std::uint32_t rank) {
  ++count_;
  assert(merge.left >= 0 && merge.right >= 0 && 2 * count_ <= slots_.size());
  const std::uint64_t key = key_of(merge.left, merge.right);
  const std::uint64_t mixed = mix(key);
  filter_[(mixed >> filter_shift_) / 64] |= std::uint64_t{1} << ((mixed >> filter_shift_) % 64);
  std::size_t at = slot_of(mixed);
  for (; slots_[at].key != empty; at = (at + 1) & mask_) assert(slots_[at].key != key);
  slots_[at] = {key, {rank, merge.merged}};
}

}  // namespace io
