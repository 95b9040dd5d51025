// How fast a corpus is found and put in order. Usage: corpus_benchmark walk PATH | permutation | lines | locate
// One line each: what, median and range of 9 runs, rate.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/corpus.hpp"
#include "io/document_index.hpp"
#include "io/document_index_writer.hpp"
#include "io/line_finder.hpp"
#include "io/permutation.hpp"
#include "tests/io/files_help.hpp"

namespace {

using Clock = std::chrono::steady_clock;

/// Prints seconds and, for `work` in units of `unit`, units per second.
void time(const std::string& what, double work, const char* unit, const std::function<void()>& run) {
  std::vector<double> seconds;
  for (int i = 0; i < 9; ++i) {
    const auto begin = Clock::now();
    run();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf("%s: %.3f ms (%.3f to %.3f), %.4g %s/s\n", what.c_str(), seconds[4] * 1e3, seconds[0] * 1e3,
              seconds[8] * 1e3, work / seconds[4], unit);
}

void time_walk(const std::string& path) {
  const std::size_t count = io::find_corpus({path}).sources.size();
  time("walk " + std::to_string(count) + " files", static_cast<double>(count), "files",
       [&] { io::find_corpus({path}); });
}

void time_permutation() {
  constexpr std::uint64_t calls = 1'000'000;
  for (const std::uint64_t count : {1'000ull, 65'537ull, 1'000'000ull, 1'000'000'000ull, (1ull << 40) + 1}) {
    const io::Permutation permutation(count, 1, 2);
    volatile std::uint64_t sum = 0;
    time("permutation of " + std::to_string(count), calls, "calls", [&] {
      for (std::uint64_t i = 0; i < calls; ++i) sum = sum + permutation(i % count);
    });
  }
}

bool time_lines() {
  for (const std::size_t line_bytes : {50u, 200u, 1000u, 10'000u}) {
    std::string text;
    while (text.size() < (32u << 20)) text += std::string(line_bytes - 1, 'x') + "\n";
    std::vector<io::LineFinder::Line> lines;
    const auto find = [&] {
      io::LineFinder finder;
      for (std::size_t at = 0; at < text.size(); at += 256 * 1024) {
        lines.clear();  // as a reader of blocks does
        finder.feed(std::as_bytes(std::span(text).subspan(at, std::min<std::size_t>(256 * 1024, text.size() - at))),
                    lines);
      }
    };
    find();
    if (lines.empty() || lines.back().end_bytes + 1 != text.size()) return false;
    time("lines of " + std::to_string(line_bytes) + " bytes", static_cast<double>(text.size()) / 1e9, "GB", find);
  }
  return true;
}

sched::task<void> write_index(io::Files& files, std::string path, std::uint64_t count) {
  io::DocumentIndexWriter writer(files, path, 1);
  co_await writer.open();
  writer.begin_file(count * 10);
  std::vector<io::LineFinder::Line> lines(1000);
  for (std::uint64_t at = 0; at < count; at += lines.size()) {
    for (std::uint64_t i = 0; i < lines.size(); ++i) lines[i] = {(at + i) * 10, (at + i) * 10 + 9};
    co_await writer.add(lines);
  }
  co_await writer.finish();
}

sched::task<void> locate_all(io::DocumentIndex& index, std::uint64_t calls, bool& sound) {
  const io::Permutation permutation(index.documents_count(), 1, 1);
  std::vector<std::uint64_t> numbers(256);
  std::vector<io::DocumentIndex::Location> found;
  for (std::uint64_t at = 0; at < calls; at += numbers.size()) {
    for (std::uint64_t i = 0; i < numbers.size(); ++i) numbers[i] = permutation(at + i);
    co_await index.locate(numbers, found);
    sound = sound && found.back().begin_bytes == numbers.back() * 10;
  }
}

sched::task<std::unique_ptr<io::DocumentIndex>> open_index(io::Files& files, std::string path) {
  std::unique_ptr<io::DocumentIndex> index = co_await io::DocumentIndex::open(files, path, 1);
  co_return index;
}

bool time_locate() {
  bool sound = true;
  constexpr std::uint64_t calls = 64 * 1024;
  for (const std::uint64_t count : {500'000u, 20'000'000u}) {
    for (const files_help::Kind& kind : files_help::kinds()) {
      const files_help::TemporaryFolder folder;
      const auto files = files_help::make(kind);
      const std::string name = std::to_string(count) + " documents, " + kind.name;
      time("write the index of " + name, static_cast<double>(count), "documents",
           [&] { files_help::finish(*files, write_index(*files, folder / "index", count)); });
      const auto index = files_help::finish(*files, open_index(*files, folder / "index"));
      time("locate 256 at a time of " + name, calls, "documents",
           [&] { files_help::finish(*files, locate_all(*index, calls, sound)); });
    }
  }
  return sound;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view what = count > 1 ? arguments[1] : "";
  bool sound = true;
  if (what == "walk" && count > 2) {
    time_walk(arguments[2]);
  } else if (what == "permutation") {
    time_permutation();
  } else if (what == "lines") {
    sound = time_lines();
  } else if (what == "locate") {
    sound = time_locate();
  } else {
    std::fprintf(stderr, "usage: corpus_benchmark walk PATH | permutation | lines | locate\n");
    return 2;
  }
  if (!sound) std::fprintf(stderr, "wrong answers\n");
  return sound ? 0 : 1;
}
