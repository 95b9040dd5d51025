#pragma once

// Memory is planned: how much a run takes is a function of its configuration, said before it begins. The arenas are
// mapped once, at the start, on huge pages where the machine gives them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pipeline {

/// Zeroed f32 memory for the length of a run, page-aligned. Pages are first touched by whoever writes them first.
class FloatArena {
 public:
  FloatArena() noexcept = default;
  /// Throws std::bad_alloc where the machine refuses.
  explicit FloatArena(std::size_t floats_count);
  FloatArena(FloatArena&& other) noexcept;
  FloatArena& operator=(FloatArena&& other) noexcept;
  ~FloatArena();

  std::span<float> span() noexcept { return floats_; }
  std::span<const float> span() const noexcept { return floats_; }

 private:
  std::span<float> floats_;
};

/// Where the memory of a run goes, in bytes.
struct MemoryPlan {
  struct Part {
    std::string name;
    std::uint64_t bytes;
  };
  std::vector<Part> parts;

  std::uint64_t total_bytes() const noexcept;
  /// "412 MiB: weights 40.0, moments 80.0, ...", without the parts that take nothing.
  std::string description() const;
};

/// How much memory this process can still have, and where that bound is: "on this machine".
struct AvailableMemory {
  std::uint64_t bytes;
  std::string_view where;
};

/// The least of what the machine has left, what the control groups of this process leave to it
/// (pipeline/quota.hpp), and what its own limits (`ulimit -v`, `-d`) do; nothing where none of them can be found out.
std::optional<AvailableMemory> available_memory();

/// Its bytes, 1 at least; 0 where that cannot be found out.
std::uint64_t available_memory_bytes();

/// The most memory this process has had resident.
std::uint64_t peak_resident_bytes();

}  // namespace pipeline
