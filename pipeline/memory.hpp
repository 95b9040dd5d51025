#pragma once

// Memory is planned: how much a run takes is a function of its configuration, said before it begins. The arenas are
// mapped once, at the start, on huge pages where the machine gives them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
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
  /// "412 MiB: weights 40, moments 80, ..."
  std::string description() const;
};

/// Bytes of memory that this machine can still give; 0 where that cannot be found out.
std::uint64_t available_memory_bytes();

/// The most memory this process has had resident.
std::uint64_t peak_resident_bytes();

}  // namespace pipeline
