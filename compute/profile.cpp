#include "compute/profile.hpp"

#include <time.h>

namespace compute {

std::uint64_t thread_ns() noexcept {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

Profile*& Profile::current() noexcept {
  thread_local Profile* profile = nullptr;
  return profile;
}

TimedOperation*& TimedOperation::running() noexcept {
  thread_local TimedOperation* operation = nullptr;
  return operation;
}

void Profile::add(const OperationKey& key, double flops, double bytes, std::uint64_t ns) noexcept {
  std::size_t i = 0;
  while (i < count_ && !(lines_[i].key == key)) ++i;
  if (i == operations_max) return;
  if (i == count_) lines_[count_++] = {key, 0, 0, 0, 0};
  lines_[i].flops += flops;
  lines_[i].bytes += bytes;
  lines_[i].ns += ns;
  ++lines_[i].calls_count;
}

}  // namespace compute
