#include "pipeline/console.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <span>
#include <utility>

#include "io/error.hpp"
#include "pipeline/clock.hpp"

namespace pipeline {
namespace {

constexpr const char* erase_line = "\r\033[K";

}  // namespace

Console::Console(io::Files& files, bool quiet)
    : files_(files),
      standard_error_(STDERR_FILENO, "standard error"),
      quiet_(quiet),
      interactive_(!quiet && isatty(STDERR_FILENO) == 1),
      progress_shown_ns_(now_ns()) {}

Console::~Console() {
  standard_error_.release();  // it is not ours to close
}

std::size_t Console::width() const noexcept {
  winsize size{};
  constexpr std::size_t usual = 80;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

sched::task<void> Console::say(std::string line) {
  if (quiet_) co_return;
  std::string text = (std::exchange(drawn_, false) ? erase_line : "") + line + "\n";
  co_await write(std::move(text));
}

sched::task<void> Console::warn(std::string line) {
  std::string text = (std::exchange(drawn_, false) ? erase_line : "") + line + "\n";
  co_await write(std::move(text));
}

sched::task<void> Console::draw(std::string line) {
  if (!interactive_) co_return;
  drawn_ = true;
  std::string text = erase_line + line;
  co_await write(std::move(text));
}

sched::task<void> Console::erase() {
  if (!std::exchange(drawn_, false)) co_return;
  std::string text = erase_line;
  co_await write(std::move(text));
}

bool Console::progress_is_due() noexcept {
  constexpr std::uint64_t drawn_every_ns = 100'000'000;
  constexpr std::uint64_t said_every_ns = 10'000'000'000;
  const std::uint64_t now = now_ns();
  if (quiet_ || now - progress_shown_ns_ < (interactive_ ? drawn_every_ns : said_every_ns)) return false;
  progress_shown_ns_ = now;
  return true;
}

sched::task<void> Console::show_progress(std::string line) {
  return interactive_ ? draw(std::move(line)) : say(std::move(line));
}

sched::task<void> Console::write(std::string text) {
  try {
    co_await files_.write(standard_error_, io::Files::append_position, std::as_bytes(std::span(text)));
  } catch (const io::FileError&) {
    quiet_ = true;  // nobody is looking any more; the run is worth more than its display
    interactive_ = false;
  }
}

}  // namespace pipeline
