#pragma once

// Where the time of an executor goes. Each counter is written by its core only, so no addition needs a lock or a bus
// cycle of its own; the control reads them between steps.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pipeline/clock.hpp"
#include "sched/trace.hpp"

namespace pipeline {

enum class Spent : std::size_t {
  compute,        ///< forward and backward passes
  sum,            ///< additions of gradients on the way to the boundary
  update,         ///< the step's last additions, the norm, AdamW
  data_wait,      ///< at the channel
  buffer_wait,    ///< for a gradient buffer
  boundary_wait,  ///< for the next step's weights, with a micro-batch in hand, but for what the update takes here
};
inline constexpr std::size_t spent_kinds = 6;
inline constexpr std::array<const char*, spent_kinds> spent_names = {"compute",   "sum",         "update",
                                                                     "data_wait", "buffer_wait", "boundary_wait"};

/// Nanoseconds of each kind.
struct Spending {
  std::array<std::uint64_t, spent_kinds> ns{};

  std::uint64_t operator[](Spent spent) const noexcept { return ns[static_cast<std::size_t>(spent)]; }
  Spending& operator+=(const Spending& more) noexcept {
    for (std::size_t i = 0; i < spent_kinds; ++i) ns[i] += more.ns[i];
    return *this;
  }
  Spending operator-(const Spending& before) const noexcept {
    Spending difference;
    for (std::size_t i = 0; i < spent_kinds; ++i) difference.ns[i] = ns[i] - before.ns[i];
    return difference;
  }
};

class CoreTimes {
 public:
  /// On the core.
  void add(Spent spent, std::uint64_t ns) noexcept { add(counters_[static_cast<std::size_t>(spent)], ns); }
  void add_boundary_crossing() noexcept { add(crossings_, 1); }

  Spending spending() const noexcept {
    Spending now;
    for (std::size_t i = 0; i < spent_kinds; ++i) now.ns[i] = counters_[i].load(std::memory_order_relaxed);
    return now;
  }
  std::uint64_t spent(Spent spent) const noexcept {
    return counters_[static_cast<std::size_t>(spent)].load(std::memory_order_relaxed);
  }
  std::uint64_t boundary_crossings() const noexcept { return crossings_.load(std::memory_order_relaxed); }

 private:
  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t more) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, spent_kinds> counters_{};
  std::atomic<std::uint64_t> crossings_{0};
};

/// Evaluations and checkpoints between steps: the control says when one begins and ends.
class PauseClock {
 public:
  void begin() noexcept { began_ns_.store(now_ns(), std::memory_order_relaxed); }
  /// Returns how long it was.
  std::uint64_t end() noexcept {
    const std::uint64_t pause_ns = now_ns() - began_ns_.load(std::memory_order_relaxed);
    total_ns_.store(total_ns_.load(std::memory_order_relaxed) + pause_ns, std::memory_order_relaxed);
    began_ns_.store(0, std::memory_order_relaxed);
    return pause_ns;
  }
  /// All pauses until `at_ns`, the one under way too. Any thread; for measuring only.
  std::uint64_t until(std::uint64_t at_ns) const noexcept {
    const std::uint64_t began_ns = began_ns_.load(std::memory_order_relaxed);
    const std::uint64_t under_way_ns = began_ns == 0 || began_ns > at_ns ? 0 : at_ns - began_ns;
    return total_ns_.load(std::memory_order_relaxed) + under_way_ns;
  }

 private:
  std::atomic<std::uint64_t> total_ns_{0};
  std::atomic<std::uint64_t> began_ns_{0};
};

/// A wait of a worker, from its beginning to `end`. What the update does on this core meanwhile is not waiting, nor are
/// evaluations and checkpoints between steps.
class WaitClock {
 public:
  WaitClock(CoreTimes& times, const PauseClock& pauses) noexcept
      : times_(times), pauses_(pauses), began_ns_(now_ns()), other_before_ns_(other_ns(began_ns_)) {}

  void end(Spent wait, const char* what_for) const noexcept {
    const std::uint64_t ended_ns = now_ns();
    const std::uint64_t other = other_ns(ended_ns) - other_before_ns_;
    const std::uint64_t passed_ns = ended_ns - began_ns_;
    times_.add(wait, passed_ns > other ? passed_ns - other : 0);
    constexpr std::uint64_t shown_ns_min = 1000;  // less is the coroutine going on, not a wait
    if (passed_ns >= shown_ns_min) sched::trace_span("wait", began_ns_, ended_ns, what_for);
  }

 private:
  std::uint64_t other_ns(std::uint64_t at_ns) const noexcept {
    return times_.spent(Spent::update) + pauses_.until(at_ns);
  }

  CoreTimes& times_;
  const PauseClock& pauses_;
  std::uint64_t began_ns_;
  std::uint64_t other_before_ns_;
};

}  // namespace pipeline
