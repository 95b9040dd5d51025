#include "sched/trace.hpp"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <system_error>
#include <utility>

namespace sched {
namespace {

constexpr std::uint64_t one_span_gap_ns = 1000;

struct FileClose {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

/// Only names and paths of our own, but a quote in one must not break the file.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) result += c;
  }
  return result + "\"";
}

}  // namespace

TraceRow::TraceRow(std::string name, std::size_t events_max)
    : name_(std::move(name)), events_(std::max<std::size_t>(events_max, 1)) {}

void TraceRow::span(const char* name, const char* detail, std::uint64_t begin_ns, std::uint64_t end_ns) noexcept {
  if (recorded_count_ > 0) {
    Event& last = events_[(recorded_count_ - 1) % events_.size()];
    if (last.kind == Kind::span && last.name == name && last.detail == detail && begin_ns >= last.end_ns &&
        begin_ns - last.end_ns < one_span_gap_ns) {
      last.end_ns = end_ns;
      return;
    }
  }
  add() = {name, detail, begin_ns, end_ns, Kind::span, 0};
}

void TraceRow::flight(const char* name, std::uint32_t id, std::uint64_t begin_ns, std::uint64_t end_ns) noexcept {
  add() = {name, nullptr, begin_ns, end_ns, Kind::flight, id};
}

void TraceRow::counter(const char* name, std::uint64_t value) noexcept {
  add() = {name, nullptr, now_ns(), value, Kind::counter, 0};
}

TraceRow& Trace::add_row(std::string name) {
  return *rows_.emplace_back(std::make_unique<TraceRow>(std::move(name), events_max_));
}

void Trace::write(const std::string& path) const {
  const std::unique_ptr<std::FILE, FileClose> opened(std::fopen(path.c_str(), "we"));
  std::FILE* const file = opened.get();
  if (file == nullptr) throw std::system_error(errno, std::generic_category(), path);
  const auto microseconds = [this](std::uint64_t at_ns) {
    return at_ns < began_ns_ ? 0.0 : static_cast<double>(at_ns - began_ns_) * 1e-3;
  };
  std::fputs("{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n", file);
  std::fputs("{\"ph\": \"M\", \"pid\": 1, \"name\": \"process_name\", \"args\": {\"name\": \"icosa\"}}", file);
  for (std::size_t tid = 0; tid < rows_.size(); ++tid) {
    const TraceRow& row = *rows_[tid];
    const std::uint64_t kept = std::min<std::uint64_t>(row.recorded_count_, row.events_.size());
    std::fprintf(file,
                 ",\n{\"ph\": \"M\", \"pid\": 1, \"tid\": %zu, \"name\": \"thread_name\", \"args\": {\"name\": %s}}"
                 ",\n{\"ph\": \"M\", \"pid\": 1, \"tid\": %zu, \"name\": \"forgotten_events\", \"args\": {\"count\": "
                 "%" PRIu64 "}}",
                 tid, quoted(row.name_).c_str(), tid, row.recorded_count_ - kept);
    for (std::uint64_t number = row.recorded_count_ - kept; number < row.recorded_count_; ++number) {
      const TraceRow::Event& event = row.events_[number % row.events_.size()];
      const double at = microseconds(event.begin_ns);
      switch (event.kind) {
        case TraceRow::Kind::span:
          std::fprintf(file,
                       ",\n{\"ph\": \"X\", \"pid\": 1, \"tid\": %zu, \"ts\": %.3f, \"dur\": %.3f, \"name\": \"%s\"",
                       tid, at, microseconds(event.end_ns) - at, event.name);
          if (event.detail != nullptr) std::fprintf(file, ", \"args\": {\"for\": \"%s\"}", event.detail);
          std::fputs("}", file);
          break;
        case TraceRow::Kind::flight:
          for (const bool begins : {true, false})
            std::fprintf(file,
                         ",\n{\"ph\": \"%c\", \"pid\": 1, \"tid\": %zu, \"cat\": \"%s\", \"id\": %u, \"ts\": %.3f, "
                         "\"name\": \"%s\"}",
                         begins ? 'b' : 'e', tid, event.name, event.id, begins ? at : microseconds(event.end_ns),
                         event.name);
          break;
        case TraceRow::Kind::counter:
          std::fprintf(file,
                       ",\n{\"ph\": \"C\", \"pid\": 1, \"ts\": %.3f, \"name\": \"%s\", \"args\": {\"count\": %" PRIu64
                       "}}",
                       at, event.name, event.end_ns);
          break;
      }
    }
  }
  std::fputs("\n]}\n", file);
  if (std::fflush(file) != 0 || std::ferror(file) != 0) throw std::system_error(errno, std::generic_category(), path);
}

}  // namespace sched
