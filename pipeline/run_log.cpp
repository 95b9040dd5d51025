#include "pipeline/run_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <span>
#include <utility>

#include "io/error.hpp"
#include "pipeline/accounting.hpp"
#include "pipeline/clock.hpp"

namespace pipeline {

RunLog::~RunLog() {
  if (file_.descriptor() < 0 || held_.empty()) return;
  const ssize_t written = ::pwrite(file_.descriptor(), held_.data(), held_.size(), static_cast<off_t>(size_bytes_));
  if (written == static_cast<ssize_t>(held_.size())) return;
  [[maybe_unused]] const int result = ::ftruncate(file_.descriptor(), static_cast<off_t>(size_bytes_));
}

sched::task<void> RunLog::open(std::uint64_t size_bytes) {
  size_bytes_ = size_bytes;
  file_ = co_await files_.open(path_, O_WRONLY | O_CREAT, 0666);
}

sched::task<void> RunLog::append(std::string lines) {
  held_ += lines;
  std::exception_ptr failure;
  try {
    co_await flush();
  } catch (const io::FileError&) {
    failure = std::current_exception();
  }
  if (failure && held_.size() > held_bytes_max) std::rethrow_exception(failure);
}

sched::task<void> RunLog::append_soon(std::string lines) {
  if (now_ns() - written_ns_ < written_every_ns) {
    held_ += lines;
  } else {
    co_await append(std::move(lines));
  }
}

sched::task<void> RunLog::flush() {
  if (held_.empty()) co_return;
  written_ns_ = now_ns();
  // At its place, so that what a write left of a line when it failed is written over by the next.
  co_await files_.write(file_, size_bytes_, std::as_bytes(std::span(held_)));
  size_bytes_ += held_.size();
  held_.clear();
}

sched::task<void> RunLog::close() {
  std::exception_ptr failure;
  try {
    co_await flush();
  } catch (const io::FileError&) {
    failure = std::current_exception();
  }
  if (!failure) {
    co_await files_.close(std::move(file_));
    co_return;
  }
  held_.clear();
  // Half a line may have gone down. The run ends here, so a blocking call holds up nobody; where it fails too, the
  // failure of the write says what is wrong.
  [[maybe_unused]] const int result = ::ftruncate(file_.descriptor(), static_cast<off_t>(size_bytes_));
  std::rethrow_exception(failure);
}

sched::task<void> SkipsLog::open(std::uint64_t size_bytes, const std::vector<io::Skip>& known) {
  for (const io::Skip& skip : known) lines_.insert(to_json_line(skip));
  co_await log_.open(size_bytes);
}

sched::task<void> SkipsLog::append(const std::vector<io::Skip>& skips) {
  std::string text;
  for (const io::Skip& skip : skips) {
    const auto [line, fresh] = lines_.insert(to_json_line(skip));
    if (fresh) text += *line;
  }
  if (text.empty()) co_return;
  co_await log_.append(std::move(text));
}

void cut_log(const std::string& path, std::uint64_t size_bytes) {
  const io::OpenFile file(::open(path.c_str(), O_WRONLY | O_CLOEXEC), path);
  if (file.descriptor() < 0 && errno == ENOENT) return;
  if (file.descriptor() < 0 || ::ftruncate(file.descriptor(), static_cast<off_t>(size_bytes)) != 0)
    throw io::FileError(path, 0, errno, "cut back");
}

}  // namespace pipeline
