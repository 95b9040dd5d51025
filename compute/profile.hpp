#pragma once

// Where the time of a pass goes, operation by operation. A thread that wants to know sets a profile as current; the
// kernels it calls then add their times to it. A kernel inside a kernel (the products of attention) counts as the outer
// one, unless that says otherwise. Without a current profile a kernel asks one thread-local pointer and goes on.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace compute {

/// Nanoseconds that this thread has run: on a shared machine those it was kept waiting are somebody else's.
std::uint64_t thread_ns() noexcept;

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
    running() = this;
    key_ = key;
    flops_ = flops;
    bytes_ = bytes;
    ns_ = 0;
    began_ns_ = thread_ns();
  }
  ~TimedOperation() {
    if (profile_ == nullptr) return;
    profile_->add(key_, flops_, bytes_, ns_ + thread_ns() - began_ns_);
    running() = nullptr;
    Profile::current() = profile_;
  }
  TimedOperation(const TimedOperation&) = delete;
  TimedOperation& operator=(const TimedOperation&) = delete;

 private:
  friend class OperationsApart;
  /// The operation that this thread is timing.
  static TimedOperation*& running() noexcept;

  Profile* profile_;
  OperationKey key_;
  double flops_, bytes_;
  std::uint64_t ns_, began_ns_;
};

/// While it stands, kernels count as themselves and not as the operation that calls them.
class OperationsApart {
 public:
  OperationsApart() noexcept : outer_(TimedOperation::running()) {
    if (outer_ == nullptr) return;
    outer_->ns_ += thread_ns() - outer_->began_ns_;
    TimedOperation::running() = nullptr;
    Profile::current() = outer_->profile_;
  }
  ~OperationsApart() {
    if (outer_ == nullptr) return;
    Profile::current() = nullptr;
    TimedOperation::running() = outer_;
    outer_->began_ns_ = thread_ns();
  }
  OperationsApart(const OperationsApart&) = delete;
  OperationsApart& operator=(const OperationsApart&) = delete;

 private:
  TimedOperation* outer_;
};

/// An elementwise or reducing operation on `count` floats that moves `floats_moved` of them for each.
inline TimedOperation timed_pass(const char* name, std::size_t count, double floats_moved) noexcept {
  return {{name, count, 0, 0}, 0, 4 * floats_moved * static_cast<double>(count)};
}

}  // namespace compute
