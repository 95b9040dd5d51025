#pragma once

// How full a queue was whenever something was taken from it. Touched by one executor at a time, or under the queue's
// lock.

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace sched {

struct QueueMeter {
  std::size_t capacity = 0;
  std::uint64_t takes_count = 0;
  std::uint64_t waiting_sum = 0;  ///< over the takes: what lay in the queue
  std::uint64_t empty_count = 0;  ///< takes that found nothing and had to wait
  std::size_t waiting_max = 0;

  void taken(std::size_t waiting) noexcept {
    ++takes_count;
    waiting_sum += waiting;
    empty_count += waiting == 0;
    waiting_max = std::max(waiting_max, waiting);
  }
  double waiting_mean() const noexcept {
    return takes_count == 0 ? 0 : static_cast<double>(waiting_sum) / static_cast<double>(takes_count);
  }
};

}  // namespace sched
