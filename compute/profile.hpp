#pragma once

// Where the time of a pass goes, operation by operation. A thread that wants to know sets a profile as current; the
// kernels it calls then add their times to it. A kernel inside a kernel (the products of attention) counts as the outer
// one. Without a current profile a kernel asks one thread-local pointer and goes on.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace compute {

/// What was called: a name and the extents that its cost follows from (0 where there are fewer than three).
struct OperationKey {
  const char* name;  ///< a literal
  std::size_t M, K, N;

  bool operator==(const OperationKey& other) const noexcept = default;
};

/// All calls of one operation with one shape.
struct OperationTimes {
  OperationKey key;
  double flops;  ///< of the fused multiply-adds, all calls
  double bytes;  ///< operands read and results written once, all calls
  std::uint64_t calls_count;
  std::uint64_t ns;
};

class Profile {
 public:
  /// The profile of this thread, or nullptr.
  static Profile*& current() noexcept;

  void add(const OperationKey& key, double flops, double bytes, std::uint64_t ns) noexcept;
  std::span<const OperationTimes> operations() const noexcept { return {lines_.data(), count_}; }
  void clear() noexcept { count_ = 0; }

 private:
  static constexpr std::size_t operations_max = 256;  ///< a GPT-2 has about 20; what is beyond is dropped
  std::array<OperationTimes, operations_max> lines_{};
  std::size_t count_ = 0;
};

/// Times the scope it stands in, if this thread has a profile.
class TimedOperation {
 public:
  TimedOperation(const OperationKey& key, double flops, double bytes) noexcept : profile_(Profile::current()) {
    if (profile_ == nullptr) return;
    Profile::current() = nullptr;
    key_ = key;
    flops_ = flops;
    bytes_ = bytes;
    began_ = Clock::now();
  }
  ~TimedOperation() {
    if (profile_ == nullptr) return;
    const auto spent = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - began_);
    profile_->add(key_, flops_, bytes_, static_cast<std::uint64_t>(spent.count()));
    Profile::current() = profile_;
  }
  TimedOperation(const TimedOperation&) = delete;
  TimedOperation& operator=(const TimedOperation&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  Profile* profile_;
  OperationKey key_;
  double flops_, bytes_;
  Clock::time_point began_;
};

/// An elementwise or reducing operation on `count` floats that moves `floats_moved` of them for each.
inline TimedOperation timed_pass(const char* name, std::size_t count, double floats_moved) noexcept {
  return {{name, count, 0, 0}, 0, 4 * floats_moved * static_cast<double>(count)};
}

}  // namespace compute
