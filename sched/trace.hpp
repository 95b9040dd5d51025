#pragma once

// A record of who did what when, for chrome://tracing and ui.perfetto.dev: a row per thread of the run. A thread writes
// to its own row only, without a lock; a row keeps the latest events and forgets the earliest, so memory and file are
// bounded. Where no trace was asked for, every call below is a look at one thread-local pointer.
//
// Names are string literals: a row keeps their address.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sched/clock.hpp"

namespace sched {

class TraceRow {
 public:
  TraceRow(std::string name, std::size_t events_max);

  /// `detail`: a word on what for, or nullptr. A span that follows one of its name within a microsecond prolongs it.
  void span(const char* name, const char* detail, std::uint64_t begin_ns, std::uint64_t end_ns) noexcept;
  /// One of several that overlap each other; those of one `id` do not.
  void flight(const char* name, std::uint32_t id, std::uint64_t begin_ns, std::uint64_t end_ns) noexcept;
  void counter(const char* name, std::uint64_t value) noexcept;

 private:
  friend class Trace;
  enum class Kind : std::uint32_t { span, flight, counter };
  struct Event {
    const char* name;
    const char* detail;
    std::uint64_t begin_ns;
    std::uint64_t end_ns;  // of a counter: its value
    Kind kind;
    std::uint32_t id;
  };

  Event& add() noexcept { return events_[recorded_count_++ % events_.size()]; }

  std::string name_;
  std::vector<Event> events_;  // a ring
  std::uint64_t recorded_count_ = 0;
};

/// The row of this thread, or nullptr.
inline thread_local constinit TraceRow* trace_row = nullptr;

inline bool is_traced() noexcept {
  return trace_row != nullptr;
}
inline void trace_span(const char* name, std::uint64_t begin_ns, std::uint64_t end_ns,
                       const char* detail = nullptr) noexcept {
  if (trace_row != nullptr) trace_row->span(name, detail, begin_ns, end_ns);
}
inline void trace_flight(const char* name, std::uint32_t id, std::uint64_t begin_ns) noexcept {
  if (trace_row != nullptr) trace_row->flight(name, id, begin_ns, now_ns());
}
inline void trace_counter(const char* name, std::uint64_t value) noexcept {
  if (trace_row != nullptr) trace_row->counter(name, value);
}

/// From here to the end of the block; nothing in between may suspend.
class TraceSpan {
 public:
  explicit TraceSpan(const char* name, const char* detail = nullptr) noexcept
      : name_(name), detail_(detail), begin_ns_(is_traced() ? now_ns() : 0) {}
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;
  ~TraceSpan() {
    if (begin_ns_ != 0 && is_traced()) trace_span(name_, begin_ns_, now_ns(), detail_);
  }

 private:
  const char* name_;
  const char* detail_;
  std::uint64_t begin_ns_;
};

class Trace {
 public:
  /// Events of 48 bytes that a row keeps: 1.5 MiB, and up to 5 in the file.
  static constexpr std::size_t row_events_max = 1 << 15;

  explicit Trace(std::size_t events_max = row_events_max) : events_max_(events_max), began_ns_(now_ns()) {}

  /// A row that the calling thread, or one that it tells, writes to from here on.
  TraceRow& add_row(std::string name);

  /// All rows as one JSON document in Chrome's trace event format. When no thread writes any more.
  ///   Throws std::system_error where the file cannot be written.
  void write(const std::string& path) const;

 private:
  std::size_t events_max_;
  std::uint64_t began_ns_;
  std::vector<std::unique_ptr<TraceRow>> rows_;
};

}  // namespace sched
