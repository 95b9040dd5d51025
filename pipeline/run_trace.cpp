#include "pipeline/run_trace.hpp"

#include <asio/post.hpp>
#include <system_error>
#include <utility>

#include "io/error.hpp"

namespace pipeline {
namespace {

void write_to(const std::string& path, const sched::Trace& trace) {
  try {
    trace.write(path);
  } catch (const std::system_error& error) {
    throw io::FileError(path, 0, error.code().value(), "write the trace");
  }
}

}  // namespace

RunTrace::RunTrace(std::string path, const std::string& files_description, sched::Cores& cores)
    : path_(std::move(path)) {
  if (path_.empty()) return;
  trace_ = std::make_unique<sched::Trace>();
  sched::trace_row = &trace_->add_row(files_description.starts_with("io_uring") ? "ring" : "files");
  for (sched::CoreIndex core = 0; core < cores.count(); ++core) {
    sched::TraceRow& row = trace_->add_row("core " + std::to_string(core));
    asio::post(cores.of(core), [&row] { sched::trace_row = &row; });
  }
}

RunTrace::~RunTrace() {
  sched::trace_row = nullptr;
}

void RunTrace::require_writable(const std::string& path) {
  if (!path.empty()) write_to(path, sched::Trace());
}

void RunTrace::write() {
  if (trace_) write_to(path_, *trace_);
}

std::size_t RunTrace::bytes(std::size_t cores_count) noexcept {
  return (cores_count + 1) * sched::Trace::row_events_max * sched::TraceRow::event_bytes;
}

}  // namespace pipeline
