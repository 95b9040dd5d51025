#include "pipeline/memory.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <fstream>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace pipeline {
namespace {

constexpr double mebibyte = 1024.0 * 1024.0;

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
    text += fmt::format("{}{} {:.1f}", separator, part.name, static_cast<double>(part.bytes) / mebibyte);
    separator = ", ";
  }
  return text;
}

std::uint64_t available_memory_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string key, unit; meminfo >> key;) {
    std::uint64_t kibibytes = 0;
    if (!(meminfo >> kibibytes)) break;
    if (key == "MemAvailable:") return kibibytes * 1024;
    std::getline(meminfo, unit);
  }
  return 0;
}

std::uint64_t peak_resident_bytes() {
  // Not getrusage: its figure begins with that of the process which started this one.
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view key = "VmHWM:";
    if (line.starts_with(key)) return std::stoull(line.substr(key.size())) * 1024;
  }
  return 0;
}

}  // namespace pipeline
