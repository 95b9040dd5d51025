#pragma once

// What the tests of files share: both kinds, a folder of their own, coroutines driven to their end, and what this
// process holds of the system's things.

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/files.hpp"
#include "sched/task.hpp"

namespace files_help {

struct Kind {
  io::FilesKind kind;
  const char* name;
  friend std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }
};

/// Why the ring cannot be tested here, or nothing.
inline std::string ring_refusal() {
  // The kernel gives a closed ring's locked memory back a little later: a hundred in a row need more than one does.
  constexpr rlim_t locked_bytes_min = 1 << 20;
  rlimit limit{};
  if (::geteuid() != 0 && ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < locked_bytes_min)
    return "the limit of locked memory (ulimit -l) is too low";
  const std::string description = io::make_files({})->description();
  return description == "io_uring" ? "" : description;
}

/// Both kinds, or only threads where the ring cannot be tested.
inline const std::vector<Kind>& kinds() {
  static const std::vector<Kind> found = [] {
    std::vector<Kind> both = {{io::FilesKind::threads, "threads"}};
    const std::string refusal = ring_refusal();
    if (refusal.empty()) {
      both.push_back({io::FilesKind::ring, "ring"});
    } else {
      std::fprintf(stderr, "the ring is not tested: %s\n", refusal.c_str());
    }
    return both;
  }();
  return found;
}

/// For suites of the ring alone.
inline boost::test_tools::assertion_result ring_allowed(boost::unit_test::test_unit_id) {
  return kinds().size() == 2;
}

inline std::unique_ptr<io::Files> make(const Kind& kind, unsigned blocks_count = 8,
                                       std::size_t block_bytes = 64 * 1024) {
  io::FilesOptions options;
  options.kind = kind.kind;
  options.blocks_count = blocks_count;
  options.block_bytes = block_bytes;
  return io::make_files(options);
}

/// Runs `work` on the executor of `files`, and `files` on this thread, until it has ended; then gives its result or
/// throws its exception.
template <class T>
T finish(io::Files& files, sched::task<T> work) {
  std::exception_ptr failure;
  std::optional<T> result;
  asio::co_spawn(files.executor(), std::move(work), [&](std::exception_ptr error, T value) {
    failure = error;
    result.emplace(std::move(value));
    files.stop();
  });
  files.run();
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

inline void finish_all(io::Files& files, std::vector<sched::task<void>> works) {
  std::exception_ptr failure;
  std::size_t left_count = works.size();
  for (sched::task<void>& work : works) {
    asio::co_spawn(files.executor(), std::move(work), [&](std::exception_ptr error) {
      if (error && !failure) failure = error;
      if (--left_count == 0) files.stop();
    });
  }
  files.run();
  if (failure) std::rethrow_exception(failure);
}

inline void finish(io::Files& files, sched::task<void> work) {
  std::vector<sched::task<void>> works;
  works.push_back(std::move(work));
  finish_all(files, std::move(works));
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "icosa-files-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  std::string operator/(const std::string& name) const { return path_ / name; }

  std::string with_file(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }
  /// A pipe with a name. Opened with O_RDWR it waits for nobody and delivers what is written to it.
  std::string with_fifo(const std::string& name) const {
    const std::string path = path_ / name;
    if (::mkfifo(path.c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
    return path;
  }

 private:
  std::filesystem::path path_;
};

inline std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string random_text(unsigned seed, std::size_t bytes) {
  std::mt19937 random(seed);
  std::string text(bytes, '\0');
  for (char& letter : text) letter = static_cast<char>(random());
  return text;
}

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

inline std::string text_in(const io::Block& block, std::size_t bytes) {
  return {reinterpret_cast<const char*>(block.bytes.data()), bytes};
}

inline std::size_t descriptors_count() {
  std::size_t count = 0;
  DIR* const folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

/// The names of this process' threads, without the kernel's own helpers of a ring.
inline std::vector<std::string> thread_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name = text_of(entry.path() / "comm");
    if (!name.empty() && name.rfind("iou-wrk", 0) != 0) names.push_back(name.substr(0, name.size() - 1));
  }
  return names;
}

}  // namespace files_help
