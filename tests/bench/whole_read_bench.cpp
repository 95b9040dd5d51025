// How many small files a second are read whole: by the ring, by threads, and by a plain loop of open, read and close on
// one thread, each in turn so that the machine's moods meet all alike. Files in the page cache ("hot"), and dropped
// from it before each round ("cold"; their names and inodes stay in memory unless `drop` is given, which needs root and
// slows down everybody else on the machine).
//
//   whole_read_bench [FOLDER [drop]]      FOLDER is made and filled where it does not exist; the default is removed.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/co_spawn.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/files.hpp"

namespace {

constexpr std::size_t files_count = 20'000;
constexpr std::size_t files_per_folder = 1000;
constexpr std::size_t file_bytes = 8192;
constexpr std::size_t files_per_span = 64;
constexpr std::size_t spans_count = 4;  // at once
constexpr std::size_t rounds_count = 5;

using Clock = std::chrono::steady_clock;

struct Paths {
  std::vector<std::string> paths;

  explicit Paths(const std::filesystem::path& folder) {
    for (std::size_t index = 0; index < files_count; ++index) {
      const auto parent = folder / std::to_string(index / files_per_folder);
      std::filesystem::create_directories(parent);
      paths.push_back(parent / std::to_string(index));
      if (std::filesystem::exists(paths.back())) continue;
      std::string text(file_bytes, 'x');
      std::memcpy(text.data(), &index, sizeof index);
      std::ofstream(paths.back(), std::ios::binary) << text;
    }
    ::sync();  // What is dirty cannot be dropped.
  }
};

// Every file begins with its index.
void check(std::size_t index, std::span<const std::byte> memory, int result) {
  std::size_t found = 0;
  std::memcpy(&found, memory.data(), sizeof found);
  if (result != static_cast<int>(file_bytes) || found != index) throw std::runtime_error("a file was read wrong");
}

void read_by_loop(const Paths& paths, io::Files& memory) {
  for (std::size_t index = 0; index < files_count; ++index) {
    const std::span<std::byte> bytes = memory.block(0).bytes.subspan(index % files_per_span * file_bytes, file_bytes);
    const int descriptor = ::open(paths.paths[index].c_str(), O_RDONLY | O_CLOEXEC);
    const auto result = static_cast<int>(::read(descriptor, bytes.data(), bytes.size()));
    ::close(descriptor);
    check(index, bytes, result);
  }
}

sched::task<void> read_spans(io::Files& files, const Paths& paths, unsigned block_index, std::size_t& next) {
  std::array<io::WholeRead, files_per_span> span;
  while (next < files_count) {
    const std::size_t first = next;
    const std::size_t count = std::min(files_per_span, files_count - first);
    next += count;
    for (std::size_t index = 0; index < count; ++index) {
      span[index].path = paths.paths[first + index].c_str();
      span[index].memory = files.block(block_index).bytes.subspan(index * file_bytes, file_bytes);
      span[index].block_index = block_index;
    }
    co_await files.read_whole(std::span(span).first(count));
    for (std::size_t index = 0; index < count; ++index) check(first + index, span[index].memory, span[index].result);
  }
}

void read_by_files(const Paths& paths, io::Files& files) {
  std::size_t next = 0;
  std::size_t left_count = spans_count;
  std::exception_ptr failure;
  for (unsigned index = 0; index < spans_count; ++index) {
    asio::co_spawn(files.executor(), read_spans(files, paths, index, next), [&](std::exception_ptr error) {
      if (error) failure = error;
      if (--left_count == 0) files.stop();
    });
  }
  files.run();
  if (failure) std::rethrow_exception(failure);
}

void make_cold(const Paths& paths, bool drop) {
  for (const std::string& path : paths.paths) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    ::close(descriptor);
  }
  if (drop) std::ofstream("/proc/sys/vm/drop_caches") << "2";  // names and inodes
}

// Of this process with all its threads, the kernel's for the ring too.
double processor_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

struct Rates {
  std::vector<double> files_per_second;
  std::vector<double> processor_us_per_file;  // less at the mercy of the machine's other work

  template <class Read>
  void measure(const Read& read) {
    const double used_before = processor_seconds();
    const Clock::time_point begin = Clock::now();
    read();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    files_per_second.push_back(files_count / seconds);
    processor_us_per_file.push_back((processor_seconds() - used_before) * 1e6 / files_count);
  }
};

struct AllRates {
  Rates loop;
  Rates ring;
  Rates threads;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

std::unique_ptr<io::Files> make(io::FilesKind kind) {
  io::FilesOptions options;
  options.kind = kind;
  options.blocks_count = spans_count;
  options.block_bytes = files_per_span * file_bytes;
  return io::make_files(options);
}

AllRates measure(const Paths& paths, bool cold, bool drop) {
  const auto ring = make(io::FilesKind::automatic);
  const auto threads = make(io::FilesKind::threads);
  AllRates rates;
  for (std::size_t round = 0; round <= rounds_count; ++round) {
    if (round == 1) rates = AllRates{};  // The first round warmed up.
    if (cold) make_cold(paths, drop);
    rates.loop.measure([&] { read_by_loop(paths, *threads); });
    if (cold) make_cold(paths, drop);
    rates.ring.measure([&] { read_by_files(paths, *ring); });
    if (cold) make_cold(paths, drop);
    rates.threads.measure([&] { read_by_files(paths, *threads); });
  }
  return rates;
}

void print(const std::string& name, const Rates& rates) {
  const auto [least, most] = std::ranges::minmax(rates.files_per_second);
  std::printf(" %s=%.0f %s_range=%.0f..%.0f %s_processor_us=%.2f", name.c_str(), median(rates.files_per_second),
              name.c_str(), least, most, name.c_str(), median(rates.processor_us_per_file));
}

void print(const std::string& name, const AllRates& rates) {
  print(name + "_loop", rates.loop);
  print(name + "_ring", rates.ring);
  print(name + "_threads", rates.threads);
  std::printf(" %s_ring_to_loop=%.2f", name.c_str(),
              median(rates.ring.files_per_second) / median(rates.loop.files_per_second));
}

int run(const std::filesystem::path& folder, bool drop) {
  const Paths paths(folder);
  const AllRates hot = measure(paths, false, false);
  const AllRates cold = measure(paths, true, drop);
  std::printf("whole_read files=%zu file_bytes=%zu unit=files/s median_of=%zu ring=%s", files_count, file_bytes,
              rounds_count, make(io::FilesKind::automatic)->description().c_str());
  print("hot", hot);
  print("cold", cold);
  std::printf("\n");
  return 0;
}

}  // namespace

int main(int arguments_count, char** arguments) {
  try {
    if (arguments_count > 1) return run(arguments[1], arguments_count > 2 && std::string(arguments[2]) == "drop");
    std::string folder = (std::filesystem::temp_directory_path() / "icosa-bench-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder can be made");
    const int status = run(folder, false);
    std::filesystem::remove_all(folder);
    return status;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "whole_read_bench: %s\n", failure.what());
    return 1;
  }
}
