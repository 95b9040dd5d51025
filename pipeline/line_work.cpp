#include "pipeline/line_work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <asio/post.hpp>
#include <cstdint>
#include <deque>
#include <exception>
#include <future>
#include <memory>
#include <utility>

#include "sched/cores.hpp"
#include "sched/topology.hpp"

namespace pipeline {
namespace {

constexpr std::size_t batch_bytes = 256u << 10;

/// Whole lines that one core works on, and what becomes of them.
struct Batch {
  std::string lines;
  std::uint64_t first_number = 0;  // of its first line, from 1
  std::string out;
  std::exception_ptr error;
  std::promise<void> done;
};

void work_on(Batch& batch, const LineWork& work) {
  std::uint64_t number = batch.first_number;
  std::string_view rest = batch.lines;
  for (; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    const std::size_t before = batch.out.size();
    try {
      work(line, batch.out);
    } catch (const std::runtime_error& error) {
      batch.out.resize(before);
      batch.error =
          std::make_exception_ptr(std::runtime_error(fmt::format("standard input, line {}: {}", number, error.what())));
      return;
    }
    batch.out += '\n';
  }
}

class LineWorkers {
 public:
  explicit LineWorkers(const std::function<LineWork()>& make_work) : cores_(sched::allowed_cores(), [] {}) {
    for (std::size_t core = 0; core < cores_.count(); ++core) works_.push_back(make_work());
  }
  ~LineWorkers() { cores_.join(); }

  void give(std::string lines) {
    if (lines.empty()) return;
    const auto batch = std::make_shared<Batch>();
    batch->first_number = next_number_;
    next_number_ += static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
    batch->lines = std::move(lines);
    const std::size_t core = next_core_;
    next_core_ = (core + 1) % cores_.count();
    asio::post(cores_.of(core), [batch, &work = works_[core]] {
      try {
        work_on(*batch, work);
      } catch (...) {
        batch->error = std::current_exception();
      }
      batch->done.set_value();
    });
    waiting_.push_back(batch);
    if (waiting_.size() >= 2 * cores_.count()) write_first();
  }

  void finish() {
    while (!waiting_.empty()) write_first();
  }

 private:
  void write_first() {
    const std::shared_ptr<Batch> batch = std::move(waiting_.front());
    waiting_.pop_front();
    batch->done.get_future().wait();
    write_to_standard_output(batch->out);
    if (batch->error) std::rethrow_exception(batch->error);
  }

  std::vector<LineWork> works_;  // of each core
  sched::Cores cores_;
  std::deque<std::shared_ptr<Batch>> waiting_;  // in order
  std::size_t next_core_ = 0;
  std::uint64_t next_number_ = 1;
};

}  // namespace

std::string_view StandardInput::next() {
  const std::size_t got = std::fread(buffer_.data(), 1, buffer_.size(), stdin);
  if (got == 0 && std::ferror(stdin) != 0) throw std::runtime_error("standard input cannot be read");
  return {buffer_.data(), got};
}

void write_to_standard_output(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size())
    throw std::runtime_error("standard output cannot be written");
}

void flush_standard_output() {
  if (std::fflush(stdout) != 0) throw std::runtime_error("standard output cannot be written");
}

void work_on_lines(const std::function<LineWork()>& make_work) {
  StandardInput input(batch_bytes);
  LineWorkers workers(make_work);
  std::string lines;
  for (std::string_view piece = input.next(); !piece.empty(); piece = input.next()) {
    const std::size_t end = piece.rfind('\n');
    if (end == piece.npos) {
      lines += piece;
      continue;
    }
    lines += piece.substr(0, end + 1);
    workers.give(std::exchange(lines, std::string(piece.substr(end + 1))));
  }
  workers.give(std::move(lines));
  workers.finish();
}

}  // namespace pipeline
