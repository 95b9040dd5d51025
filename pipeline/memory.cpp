#include "pipeline/memory.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <new>
#include <string>
#include <utility>

#include "pipeline/quota.hpp"

namespace pipeline {
namespace {

constexpr double mebibyte = 1024.0 * 1024.0;

/// Of a file with lines like "VmSize:   1234 kB".
std::optional<std::uint64_t> bytes_of(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) return std::stoull(line.substr(key.size())) * 1024;
  return std::nullopt;
}

/// What a limit of this process leaves beside what it has already.
///   held: the line of /proc/self/status with what counts against it.
std::optional<std::uint64_t> left_of(decltype(RLIMIT_AS) limit, std::string_view held) {
  rlimit bound{};
  if (getrlimit(limit, &bound) != 0 || bound.rlim_cur == RLIM_INFINITY) return std::nullopt;
  const std::uint64_t bytes = bytes_of("/proc/self/status", held).value_or(0);
  return bound.rlim_cur - std::min<std::uint64_t>(bound.rlim_cur, bytes);
}

}  // namespace

FloatArena::FloatArena(std::size_t floats_count) {
  if (floats_count == 0) return;
  const std::size_t bytes = floats_count * sizeof(float);
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // Before the first touch, or it has no effect. For less than a few huge pages rounding up would waste more than it
  // saves.
  constexpr std::size_t worth_huge_pages_bytes = 8u << 20;
  if (bytes >= worth_huge_pages_bytes) madvise(memory, bytes, MADV_HUGEPAGE);
  floats_ = {static_cast<float*>(memory), floats_count};
}

FloatArena::FloatArena(FloatArena&& other) noexcept : floats_(std::exchange(other.floats_, {})) {}

FloatArena& FloatArena::operator=(FloatArena&& other) noexcept {
  std::swap(floats_, other.floats_);
  return *this;
}

FloatArena::~FloatArena() {
  if (!floats_.empty()) munmap(floats_.data(), floats_.size_bytes());
}

std::uint64_t MemoryPlan::total_bytes() const noexcept {
  std::uint64_t total = 0;
  for (const Part& part : parts) total += part.bytes;
  return total;
}

std::string MemoryPlan::description() const {
  std::string text = fmt::format("{:.0f} MiB:", static_cast<double>(total_bytes()) / mebibyte);
  const char* separator = " ";
  for (const Part& part : parts) {
    if (static_cast<double>(part.bytes) < 0.05 * mebibyte) continue;  // it would read 0.0
    text += fmt::format("{}{} {:.1f}", separator, part.name, static_cast<double>(part.bytes) / mebibyte);
    separator = ", ";
  }
  return text;
}

std::optional<AvailableMemory> available_memory() {
  std::optional<AvailableMemory> least;
  const auto bound = [&least](std::optional<std::uint64_t> bytes, std::string_view where) {
    if (bytes && (!least || *bytes < least->bytes)) least = {*bytes, where};
  };
  bound(bytes_of("/proc/meminfo", "MemAvailable:"), "on this machine");
  bound(quota_memory_bytes(), "in its control group");
  bound(left_of(RLIMIT_AS, "VmSize:"), "under ulimit -v");
  bound(left_of(RLIMIT_DATA, "VmData:"), "under ulimit -d");
  return least;
}

std::uint64_t available_memory_bytes() {
  const std::optional<AvailableMemory> available = available_memory();
  return available ? std::max<std::uint64_t>(1, available->bytes) : 0;
}

std::uint64_t peak_resident_bytes() {
  // Not getrusage: its figure begins with that of the process which started this one.
  return bytes_of("/proc/self/status", "VmHWM:").value_or(0);
}

}  // namespace pipeline
